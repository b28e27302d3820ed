import { abortedError, BoxliteError } from '@boxlite/core';

/** How a command ended. `exitCode` is 128 + number for a command killed by a signal, as shells and Docker have it. */
export interface ExecStatus {
  readonly exitCode: number;
  /** Number of the signal that ended it. */
  readonly signal?: number;
  /** True when `timeoutMs` was over; the command got SIGTERM and, two seconds later, SIGKILL. */
  readonly timedOut: boolean;
}

/**
 * A running command. Bytes are bytes: nothing is decoded. `stdout` and `stderr` can be iterated once each, and reading slowly slows the
 * command down, never another one. It goes on when this handle or this process goes away, unless it is killed.
 */
export interface Execution extends AsyncDisposable {
  readonly id: string;
  /** Resolves when the guest has room again, so awaiting each write keeps memory bounded. */
  readonly stdin: { write(bytes: Uint8Array): Promise<void>; end(): Promise<void> };
  readonly stdout: AsyncIterable<Uint8Array>;
  /** Empty with a tty, where both come on `stdout`. */
  readonly stderr: AsyncIterable<Uint8Array>;
  wait(): Promise<ExecStatus>;
  /** @param signal number, 1 to 64 */
  signal(signal: number): Promise<void>;
  kill(): Promise<void>;
  resize(rows: number, columns: number): Promise<void>;
  /** Stops listening; the command goes on and its further output is dropped. */
  detach(): Promise<void>;
}

/** The whole output of a command. */
export interface ExecResult extends ExecStatus {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** Bytes of each of stdout and stderr that are collected before `collect` gives up. */
export const DEFAULT_MAX_OUTPUT_BYTES = 256 * 1024 * 1024;

/**
 * Feeds a command its input, gathers what it says, and waits for its end.
 * @param execution a command nobody else reads
 * @param options.input written to stdin, which then ends
 * @param options.maxOutputBytes for each stream; more kills the command and throws `resource_exhausted`
 * @param options.signal kills the command and throws `aborted`
 */
export async function collect(
  execution: Execution,
  options: {
    readonly input?: Uint8Array | string | undefined;
    readonly maxOutputBytes?: number | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<ExecResult> {
  const limit = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES;
  const input = typeof options.input === 'string' ? new TextEncoder().encode(options.input) : options.input;
  const whole = Promise.all([
    gather(execution.stdout, 'stdout', limit),
    gather(execution.stderr, 'stderr', limit),
    execution.wait(),
    feed(execution, input),
  ]);
  try {
    const [stdout, stderr, status] = await untilAborted(whole, options.signal);
    return { ...status, stdout, stderr };
  } catch (thrown) {
    await execution.kill().catch((cause: unknown) => {
      // Already over, or the box is gone: the first error is the one that matters.
      if (!BoxliteError.isInstance(cause)) throw cause;
    });
    throw thrown;
  }
}

async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  let onAbort = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(abortedError(signal, 'running the command'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A command may close its stdin before it has read everything, as `head` does: that is no failure. */
async function feed(execution: Execution, input: Uint8Array | undefined): Promise<void> {
  try {
    if (input !== undefined && input.length > 0) await writeUntilClosed(execution, input);
    await execution.stdin.end();
  } catch (thrown) {
    // A lost box is told by `wait()`.
    if (!BoxliteError.isInstance(thrown)) throw thrown;
  }
}

/** A command may end without reading its input, as `true` does: that is no failure. */
async function writeUntilClosed(execution: Execution, input: Uint8Array): Promise<void> {
  const ended = execution.wait().then(
    () => 'ended' as const,
    () => 'ended' as const,
  );
  await Promise.race([execution.stdin.write(input), ended]);
}

async function gather(stream: AsyncIterable<Uint8Array>, name: string, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > limit) {
      throw new BoxliteError('resource_exhausted', `the command wrote more than ${limit} bytes to ${name}`, {
        hint: 'raise maxOutputBytes, or iterate the stream of exec() instead of collecting it',
        details: { field: 'maxOutputBytes' },
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}
