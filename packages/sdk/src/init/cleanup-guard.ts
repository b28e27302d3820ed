/** What the guard needs to tell the world; each is allowed to fail. */
export interface GuardReport {
  /** Marks the record `Failed`, keeping it. A record that vanished is tolerated by the implementation. */
  markFailed(reason: string): Promise<void>;
  /** Adds one to the failure metric. */
  countFailure(): void;
  /** Where failures of the guard's own steps go; they never replace the original error. */
  log(message: string, cause: unknown): void;
}

/** The reason of a failure that came without one (spec section 4). */
export const NO_CAUSE_CAPTURED = 'box initialization failed (no cause captured)';

/**
 * Armed until the whole pipeline has succeeded. Undo steps run in reverse order of registration: the VM is stopped before mounts
 * are undone. Files of the box are kept for diagnosis.
 */
export class CleanupGuard {
  readonly #undo: { readonly name: string; run(): Promise<void> }[] = [];
  readonly #report: GuardReport;
  #armed = true;

  constructor(report: GuardReport) {
    this.#report = report;
  }

  get armed(): boolean {
    return this.#armed;
  }

  /**
   * Registers what must be undone on failure.
   * @returns forgets it again: it has been undone, and the start goes on
   */
  onFailure(name: string, run: () => Promise<void>): () => void {
    const step = { name, run };
    this.#undo.push(step);
    return () => {
      const index = this.#undo.indexOf(step);
      if (index >= 0) this.#undo.splice(index, 1);
    };
  }

  /** The pipeline has succeeded: nothing will be undone. */
  disarm(): void {
    this.#armed = false;
    this.#undo.length = 0;
  }

  /** Runs the undo steps once, then marks and counts the failure. Never throws. */
  async trip(cause: unknown): Promise<void> {
    if (!this.#armed) return;
    this.#armed = false;
    for (const { name, run } of this.#undo.splice(0).reverse()) await this.#attempt(name, run);
    await this.#attempt('mark the box as failed', () => this.#report.markFailed(reasonOf(cause)));
    this.#report.countFailure();
  }

  async #attempt(name: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (thrown) {
      // Logged only: the caller must see why the start failed, not why the cleanup did.
      this.#report.log(`cleanup after a failed start: ${name} failed`, thrown);
    }
  }
}

function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : cause === undefined ? '' : String(cause);
  return text === '' ? NO_CAUSE_CAPTURED : text;
}
