import { type SupervisorProcess, spawnSupervisor } from './spawn-supervisor.js';

/** When nothing was asked of a box for so long, the spare is made: not beside what somebody waits for. Milliseconds. */
const QUIET_MS = 500;
/** A program that starts one box may never start another. */
const LAUNCHES_BEFORE = 2;

/**
 * Keeps a supervisor ready for the next box of a process that starts boxes again and again: a fork of Node takes 2 to 100 ms, as large as it is and as slow as the
 * machine, in which nothing else happens. The spare takes 0.2 MiB, knows nothing of any box, and ends when its config does, which is when this process ends, however that is.
 */
export class SpareSupervisor {
  readonly #spawn: () => SupervisorProcess;
  readonly #quietMs: number;
  #launches = 0;
  #spare: SupervisorProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(binary: () => string, quietMs = QUIET_MS, spawn = spawnSupervisor) {
    this.#spawn = () => spawn(binary(), true);
    this.#quietMs = quietMs;
  }

  /** The spare, if there is one that lives. It is the caller's. */
  take(): SupervisorProcess | undefined {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare === undefined || hasEnded(spare)) return undefined;
    spare.status.ref();
    spare.connection.ref();
    return spare;
  }

  /** A supervisor has been launched: there may be another. */
  launched(): void {
    this.#launches += 1;
  }

  /** A box is being used: the spare is made when none is any more. */
  busy(): void {
    clearTimeout(this.#timer);
    if (this.#isOver || this.#launches < LAUNCHES_BEFORE || this.#spare !== undefined) return;
    this.#timer = setTimeout(() => this.#make(), this.#quietMs);
    // A program that has nothing else to do ends.
    this.#timer.unref();
  }

  /** Ends the spare; no more are made. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) discard(spare);
  }

  #lost(spare: SupervisorProcess): void {
    if (this.#spare !== spare) return;
    this.#spare = undefined;
    discard(spare);
  }

  #make(): void {
    const spare = this.#spawn();
    // None of it keeps the process alive.
    for (const socket of [spare.status, spare.watchdog, spare.connection]) socket?.unref();
    // An error is the end of the spare; of one that was taken its taker hears.
    for (const stream of [spare.config, spare.status, spare.watchdog]) stream?.on('error', () => this.#lost(spare));
    void spare.exited.then(() => this.#lost(spare));
    this.#spare = spare;
  }
}

function hasEnded({ child }: SupervisorProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

function discard({ child, status, watchdog, connection }: SupervisorProcess): void {
  child.kill('SIGKILL');
  for (const socket of [child.stdin, status, watchdog, connection]) socket?.destroy();
}
