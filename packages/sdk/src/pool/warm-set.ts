import { BoxliteError } from '@boxlite/core';
import type { PoolHost, WarmBox } from './pool-host.js';
import { refillDelayMs } from './refill-delay.js';

/** How a pool is doing. */
export interface PoolStats {
  /** Boxes ready to be taken. */
  readonly warm: number;
  /** Boxes being started. */
  readonly starting: number;
  /** Callers of `take` that wait. */
  readonly waiting: number;
  /** Boxes taken so far. */
  readonly taken: number;
  /** What the pool tries to keep warm: its size, or less where memory bounds it. */
  readonly target: number;
}

interface Waiter<Value> {
  resolve(value: Value): void;
  reject(thrown: unknown): void;
}

/**
 * Keeps boxes warm: as many as its target, and one more for each caller that waits. It is woken by what happens (a box taken, ended, made, a
 * caller that comes) and looks at nothing in between.
 */
export class WarmSet<Handle> {
  readonly #host: PoolHost<Handle>;
  readonly #concurrency: number;
  readonly #warm: WarmBox<Handle>[] = [];
  readonly #waiters: Waiter<WarmBox<Handle>>[] = [];
  readonly #starts = new Set<Promise<void>>();
  readonly #untilFull: Waiter<void>[] = [];
  readonly #lifetime = new AbortController();
  #target: number;
  #taken = 0;
  #failures = 0;
  #resting = false;

  constructor(host: PoolHost<Handle>, options: { readonly target: number; readonly concurrency: number }) {
    this.#host = host;
    this.#target = options.target;
    this.#concurrency = options.concurrency;
    this.#refill();
  }

  get stats(): PoolStats {
    return {
      warm: this.#warm.length,
      starting: this.#starts.size,
      waiting: this.#waiters.length,
      taken: this.#taken,
      target: this.#target,
    };
  }

  /** Resolves when the target is reached. @throws BoxliteError `stopped` when the pool is drained before */
  async full(signal?: AbortSignal): Promise<void> {
    this.#throwIfDrained();
    if (this.#warm.length < this.#target) await joined(this.#untilFull, signal);
  }

  /** @throws BoxliteError `stopped`, `aborted`, or why no box could be started while this caller waited */
  async take(signal?: AbortSignal): Promise<Handle> {
    for (;;) {
      this.#throwIfDrained();
      if (signal?.aborted === true) throw aborted(signal);
      const warm = this.#warm.shift() ?? (await this.#wait(signal));
      this.#refill();
      try {
        await warm.handOut();
      } catch (thrown) {
        await this.#discard(warm);
        // It was removed by somebody else while it waited here: the next one will do.
        if (BoxliteError.isInstance(thrown, 'not_found')) continue;
        throw thrown;
      }
      this.#taken += 1;
      return warm.box;
    }
  }

  /** Removes surplus boxes, or starts what is missing. */
  async resize(target: number): Promise<void> {
    this.#throwIfDrained();
    this.#target = target;
    const surplus = this.#warm.splice(target);
    this.#tellIfFull();
    this.#refill();
    await Promise.all(surplus.map((warm) => warm.discard()));
  }

  /** Ends the starts that are going on, removes the warm boxes, and turns away who waits. Idempotent. */
  async drain(): Promise<void> {
    this.#lifetime.abort(drained());
    for (const waiter of [...this.#waiters.splice(0), ...this.#untilFull.splice(0)]) waiter.reject(drained());
    await Promise.allSettled([...this.#starts]);
    const results = await Promise.allSettled(this.#warm.splice(0).map((warm) => warm.discard()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #refill(): void {
    while (!this.#lifetime.signal.aborted && !this.#resting && this.#starts.size < this.#allowedStarts()) {
      const start = this.#start().finally(() => {
        this.#starts.delete(start);
        this.#refill();
      });
      this.#starts.add(start);
    }
  }

  #allowedStarts(): number {
    const missing = this.#target - this.#warm.length;
    return Math.min(this.#concurrency, Math.max(missing, this.#waiters.length));
  }

  /** Never rejects. */
  async #start(): Promise<void> {
    try {
      const warm = await this.#host.makeWarm(this.#lifetime.signal);
      this.#failures = 0;
      if (this.#lifetime.signal.aborted || !this.#isWanted()) await this.#discard(warm);
      else this.#admit(warm);
    } catch (thrown) {
      if (!this.#lifetime.signal.aborted) this.#failed(thrown);
    }
  }

  /** False when who waited has given up, or the target has become smaller, since the start was begun. */
  #isWanted(): boolean {
    return this.#waiters.length > 0 || this.#warm.length < this.#target;
  }

  #admit(warm: WarmBox<Handle>): void {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve(warm);
      return;
    }
    this.#warm.push(warm);
    warm.onEnd(() => this.#ended(warm));
    this.#tellIfFull();
  }

  #tellIfFull(): void {
    if (this.#warm.length >= this.#target) for (const { resolve } of this.#untilFull.splice(0)) resolve();
  }

  /** A warm box that ends is none: it goes, and another one is made. */
  #ended(warm: WarmBox<Handle>): void {
    if (!remove(this.#warm, warm)) return;
    void this.#discard(warm);
    this.#refill();
  }

  /** Of a box that is of no use. Never rejects: why it is of none is what counts. */
  async #discard(warm: WarmBox<Handle>): Promise<void> {
    try {
      await warm.discard();
    } catch (thrown) {
      this.#host.log('a warm box that had ended could not be removed', thrown);
    }
  }

  #failed(thrown: unknown): void {
    this.#failures += 1;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#host.log('a warm box could not be started', thrown);
    else waiter.reject(thrown);
    // Who waits has a start at once; what is only kept in store can rest.
    if (this.#waiters.length === 0) this.#rest();
  }

  #rest(): void {
    if (this.#resting) return;
    this.#resting = true;
    const { signal } = this.#lifetime;
    this.#host
      .wait(refillDelayMs(this.#failures), signal)
      .catch((thrown: unknown) => {
        if (!signal.aborted) throw thrown; // else the pool is being drained
      })
      .finally(() => this.#wake());
  }

  #wake(): void {
    this.#resting = false;
    this.#refill();
  }

  #wait(signal: AbortSignal | undefined): Promise<WarmBox<Handle>> {
    const found = joined(this.#waiters, signal);
    if (this.#resting) this.#wake();
    else this.#refill();
    return found;
  }

  #throwIfDrained(): void {
    if (this.#lifetime.signal.aborted) throw drained();
  }
}

/** Waits in a queue, until its turn comes or the signal fires. */
function joined<Value>(queue: Waiter<Value>[], signal: AbortSignal | undefined): Promise<Value> {
  if (signal?.aborted === true) return Promise.reject(aborted(signal));
  return new Promise((resolve, reject) => {
    const leave = () => signal?.removeEventListener('abort', onAbort);
    const waiter: Waiter<Value> = {
      resolve(value) {
        leave();
        resolve(value);
      },
      reject(thrown) {
        leave();
        reject(thrown);
      },
    };
    function onAbort(): void {
      remove(queue, waiter);
      reject(aborted(signal));
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    queue.push(waiter);
  });
}

function remove<Item>(list: Item[], item: Item): boolean {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
  return index >= 0;
}

const drained = () =>
  new BoxliteError('stopped', 'this pool has been drained', { hint: 'open a new one with runtime.pool()' });

const aborted = (signal: AbortSignal | undefined) =>
  new BoxliteError('aborted', 'waiting for a box of the pool was aborted', { cause: signal?.reason });
