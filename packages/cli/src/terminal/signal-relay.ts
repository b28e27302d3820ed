import { constants } from 'node:os';
import { BoxliteError } from '@boxlite/core';

/** Signals that end a command line, or that its foreground command gets instead. */
const RELAYED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** What a person sends on purpose to a command of the box only; before it runs they mean nothing. */
const FOR_COMMAND_ONLY: ReadonlySet<NodeJS.Signals> = new Set(['SIGUSR1', 'SIGUSR2']);

/**
 * What signals to this process do. Until a command runs they abort what is under way, so that nothing half-made is left; a second one ends
 * the process at once. From `forwardTo` on they are the command's, also those that came in between.
 */
export class SignalRelay implements Disposable {
  readonly #abort = new AbortController();
  readonly #handler = (name: NodeJS.Signals): void => this.#received(name);
  #installed = false;
  #interruptedBy: NodeJS.Signals | undefined;
  #forward: ((signal: number) => void) | undefined;

  /** Takes over the signals. Aborts when one comes before {@link forwardTo}. */
  get abortSignal(): AbortSignal {
    if (!this.#installed) for (const name of RELAYED) process.on(name, this.#handler);
    this.#installed = true;
    return this.#abort.signal;
  }

  /** The shell's status of a program ended by the signal that aborted; undefined when none did. */
  get interruptedStatus(): number | undefined {
    return this.#interruptedBy === undefined ? undefined : 128 + constants.signals[this.#interruptedBy];
  }

  /** Hands signals to a running command. @param send takes the signal's number and must not throw */
  forwardTo(send: (signal: number) => void): void {
    this.abortSignal.throwIfAborted();
    this.#forward = send;
  }

  [Symbol.dispose](): void {
    for (const name of RELAYED) process.off(name, this.#handler);
    this.#installed = false;
  }

  #received(name: NodeJS.Signals): void {
    if (this.#forward !== undefined) this.#forward(constants.signals[name]);
    else if (this.#interruptedBy !== undefined) process.exit(this.interruptedStatus);
    else if (!FOR_COMMAND_ONLY.has(name)) {
      this.#interruptedBy = name;
      this.#abort.abort(new BoxliteError('aborted', `interrupted by ${name}`));
    }
  }
}
