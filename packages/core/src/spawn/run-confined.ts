import type { Readable } from 'node:stream';
import type { JailLayer } from '../contracts/jail-layer.js';
import type { Sandbox } from '../contracts/sandbox.js';
import { abortedError, throwIfAborted } from '../errors/aborted-error.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import { type ConfinedRequest, resolveRequest } from './confined-request.js';
import { type ConfinedExit, type ConfinedProcess, type SpawnConfinedOptions, spawnConfined } from './spawn-confined.js';

export interface RunConfinedOptions extends Pick<SpawnConfinedOptions, 'signal' | 'graceMs' | 'uid' | 'gid'> {
  /** What the command reads from standard input; default nothing. */
  readonly stdin?: string | Uint8Array;
  /** Most that is kept of each output, in bytes; a command that writes more is ended. Default 16 MiB. */
  readonly maxOutputBytes?: number;
}

/** What came of a command, and what it was confined by. */
export interface ConfinedOutcome extends ConfinedExit {
  /** As UTF-8; for bytes use `spawnConfined`. */
  readonly stdout: string;
  readonly stderr: string;
  /** What the sandbox could not do on this machine, each a sentence. */
  readonly degradations: readonly string[];
  readonly layers: readonly JailLayer[];
}

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/**
 * Runs one command in a sandbox to its end. How it ended is a result, no error, whatever its status.
 *
 * @throws BoxliteError `sandbox_unavailable` where the sandbox cannot confine it, with the remedy; `invalid_argument`, `command_not_found`,
 *   `unsupported` for the request; `resource_exhausted` for more output than is kept; `aborted`
 * @example
 * ```ts
 * const { code, stdout } = await runConfined(sandbox, { command: ['python3', '-c', 'print(6 * 7)'], writable: ['/srv/work'] });
 * ```
 */
export async function runConfined(
  sandbox: Sandbox,
  request: ConfinedRequest,
  options: RunConfinedOptions = {},
): Promise<ConfinedOutcome> {
  const { stdin = '', maxOutputBytes = MAX_OUTPUT_BYTES, ...spawning } = options;
  const { context, command } = await resolveRequest(request, process.env.PATH ?? '');
  await refuseUnavailable(sandbox);
  throwIfAborted(options.signal, `running ${command.binary}`);
  const { degradations, layers = [] } = await sandbox.setup(context);
  try {
    const limits = request.limits === undefined ? {} : { rlimits: request.limits };
    const child = await spawnConfined({ ...sandbox.apply(context, command), ...limits }, spawning);
    const [ended, stdout, stderr] = await outputOf(child, stdin, maxOutputBytes);
    if (options.signal?.aborted === true) throw abortedError(options.signal, `running ${command.binary}`);
    return { ...ended, stdout, stderr, degradations, layers };
  } finally {
    await sandbox.teardown?.(context);
  }
}

async function refuseUnavailable(sandbox: Sandbox): Promise<void> {
  const { available, reason, remedy } = await sandbox.isAvailable();
  if (available) return;
  throw new BoxliteError(
    'sandbox_unavailable',
    `the sandbox ${sandbox.name} cannot confine a command: ${reason ?? 'it is not available'}`,
    { ...(remedy === undefined ? {} : { hint: remedy }), details: { sandbox: sandbox.name } },
  );
}

async function outputOf(
  child: ConfinedProcess,
  stdin: string | Uint8Array,
  maxBytes: number,
): Promise<readonly [ConfinedExit, string, string]> {
  try {
    child.stdin?.end(stdin);
    return await Promise.all([child.exit, collect(child.stdout, maxBytes), collect(child.stderr, maxBytes)]);
  } finally {
    await child.close();
  }
}

async function collect(stream: Readable | null, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) {
      throw new BoxliteError('resource_exhausted', `the command wrote more than ${maxBytes} bytes and was ended`, {
        hint: 'raise maxOutputBytes, or read its output as it comes with spawnConfined',
        details: { field: 'maxOutputBytes' },
      });
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
