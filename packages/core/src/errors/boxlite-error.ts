import type { ErrorCode } from './error-code.js';

/** `Symbol.for`, so that two copies of this package in one process recognise each other's errors. */
const MARKER = Symbol.for('boxlite.error');

/** What a {@link BoxliteError} is made of. */
export interface BoxliteErrorOptions {
  /** What the person who sees this can do about it, one sentence. */
  readonly hint?: string;
  /** The failure underneath, kept for diagnosis. */
  readonly cause?: unknown;
  /** Facts for programs: `field` names the offending input, `path`, `digest`, `exitStatus`, … Never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The one error class that crosses package borders.
 *
 * `message` says what failed, on which entity, and why; `hint` says what to do; `code` is stable and for programs.
 *
 * @example
 * ```ts
 * throw new BoxliteError('not_found', `box "${name}" does not exist`, { hint: 'run `boxlite ls` to see the boxes' });
 * ```
 */
export class BoxliteError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: BoxliteErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BoxliteError';
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
    Object.defineProperty(this, MARKER, { value: true });
  }

  /** True for a BoxliteError of any copy of this package; optionally only of the given code. */
  static isInstance(value: unknown, code?: ErrorCode): value is BoxliteError {
    if (typeof value !== 'object' || value === null || !(MARKER in value)) return false;
    return code === undefined || (value as { code?: unknown }).code === code;
  }

  /** The shape printed by `--json` and sent over REST. The cause is left out: it may name host paths. */
  toJSON(): { code: ErrorCode; message: string; hint?: string; details: Readonly<Record<string, unknown>> } {
    return {
      code: this.code,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      details: this.details,
    };
  }
}
