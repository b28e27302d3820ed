/** A warm box as its pool sees it; a {@link import('../box/box.js').Box} with what only the pool may do. */
export interface WarmBox<Handle> {
  readonly box: Handle;
  /** Called once, when its machine has ended or its link is lost, also when that has happened already. */
  onEnd(listener: () => void): void;
  /** From now on it is its taker's: it is not removed with the pool. @throws BoxliteError when it cannot be recorded */
  handOut(): Promise<void>;
  /** Kills and removes it. */
  discard(): Promise<void>;
}

/** What makes the boxes of a pool. */
export interface PoolHost<Handle> {
  /** Resolves to a box that answers; nothing is left of one whose making fails or is aborted. */
  makeWarm(signal: AbortSignal): Promise<WarmBox<Handle>>;
  /** Told of a failure nobody waits for. */
  log(message: string, cause: unknown): void;
  /** Milliseconds; replaced in tests. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}
