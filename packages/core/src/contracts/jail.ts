import type { JailLayer } from './jail-layer.js';
import type { ConfinedCommand, JailCommand } from './sandbox.js';

/**
 * What callers see of confinement, over any {@link Sandbox}.
 *
 * `prepare()` is awaited before each spawn; it is a no-op when confinement is off, else the sandbox's `setup`. It refuses here,
 * with `sandbox_unavailable`, and only here. `command()` is synchronous and never refuses, also for a binary that does
 * not exist yet. `release()` undoes `prepare()` after the process is gone; it is idempotent.
 */
export interface Jail {
  /** The sandbox in use, or `none`. */
  readonly name: string;
  /** Resolves to what had to be given up, each a sentence (empty in the best case). */
  prepare(): Promise<readonly string[]>;
  /** What confines the command, as `prepare` found it; empty before it, and for a jail that is off. Absent: a jail that says nothing of it. */
  readonly layers?: readonly JailLayer[];
  command(command: JailCommand): ConfinedCommand;
  release(): Promise<void>;
}
