import type { BoxId, Lease, LeaseStore } from '@boxlite/core';

/** Held, shared, by each process while it uses a box that is paused when nobody does. */
export const boxUseEntity = (id: BoxId): string => `box-use:${id}`;

/** What an {@link AutoPause} works with. */
export interface AutoPauseParts {
  readonly id: BoxId;
  /** Milliseconds without a use after which the box is paused; 0: never. */
  readonly afterMs: number;
  readonly leases: Pick<LeaseStore, 'acquire'>;
  /** Pauses the box, unless somebody uses it by then. Never rejects. */
  readonly pause: () => Promise<void>;
}

/**
 * Counts the uses of a box by one handle, calls that go on and commands that run, and has it paused when there was none for a while. That others do not pause
 * a box in use they find out by a lease; a process that goes away gives it back.
 */
export class AutoPause {
  readonly #parts: AutoPauseParts;
  #uses = 0;
  #lease: Promise<Lease> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: AutoPauseParts) {
    this.#parts = parts;
  }

  get isInUse(): boolean {
    return this.#uses > 0;
  }

  /** Whether anything is ever paused here. */
  get isOn(): boolean {
    return this.#parts.afterMs > 0;
  }

  /** Runs `action` as a use of the box. */
  async during<T>(action: () => Promise<T>): Promise<T> {
    const end = await this.begin();
    try {
      return await action();
    } finally {
      end();
    }
  }

  /** Begins a use; the function that is returned ends it, once. */
  async begin(): Promise<() => void> {
    if (!this.isOn) return () => undefined;
    this.#uses += 1;
    clearTimeout(this.#timer);
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      this.#end();
    };
    const { leases, id } = this.#parts;
    this.#lease ??= leases.acquire(boxUseEntity(id), 'use', { shared: true });
    try {
      await this.#lease;
    } catch (thrown) {
      end();
      throw thrown;
    }
    return end;
  }

  #end(): void {
    this.#uses -= 1;
    if (this.#uses > 0) return;
    const lease = this.#lease;
    this.#lease = undefined;
    // One that was not had, or whose store is closed, is nobody's any more.
    lease?.then((held) => held.release()).catch(() => undefined);
    this.#timer = setTimeout(() => void this.#parts.pause(), this.#parts.afterMs);
    // A program with nothing else to do need not wait for it.
    this.#timer.unref();
  }
}
