import type { Box } from '../box/box.js';
import type { PoolStats, WarmSet } from './warm-set.js';

/**
 * Warm boxes of one kind, handed out in milliseconds: each is started, answers, and has never been used. Made by `Boxlite.pool`.
 *
 * A box that is taken is an ordinary one and its taker's own; the pool starts another in its place. Warm boxes end with the pool, with its runtime and
 * with this process, and nothing of them is left.
 */
export class BoxPool implements AsyncDisposable {
  readonly #set: WarmSet<Box>;
  readonly #fits: (size: number) => number;
  readonly #forget: (pool: BoxPool) => void;
  #ending: Promise<void> | undefined;

  /** @internal */
  constructor(set: WarmSet<Box>, fits: (size: number) => number, forget: (pool: BoxPool) => void) {
    this.#set = set;
    this.#fits = fits;
    this.#forget = forget;
  }

  /** How the pool is doing now. */
  get stats(): PoolStats {
    return this.#set.stats;
  }

  /**
   * Hands out a box that runs; waits for one where none is warm. Whoever comes first is served first.
   * @param options.signal gives up waiting
   * @throws BoxliteError `stopped` once the pool is drained; `aborted`; why no box can be started, when none could while this call waited
   */
  take(options: { readonly signal?: AbortSignal } = {}): Promise<Box> {
    return this.#set.take(options.signal);
  }

  /** Resolves when as many boxes are warm as the pool keeps (`stats.target`). @throws BoxliteError `stopped`, `aborted` */
  ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    return this.#set.full(options.signal);
  }

  /**
   * Keeps another number of boxes warm, as far as memory allows; surplus ones are removed before it resolves.
   * @param size 0 or more: with 0 the pool rests, and each `take` starts a box of its own
   */
  async resize(size: number): Promise<void> {
    await this.#set.resize(this.#fits(size));
  }

  /** Ends the pool: starts that are going on are undone, warm boxes removed, waiting callers turned away with `stopped`. Taken boxes run on. Idempotent. */
  drain(): Promise<void> {
    this.#ending ??= this.#set.drain().finally(() => this.#forget(this));
    return this.#ending;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }
}
