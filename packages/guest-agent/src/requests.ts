import { randomBytes } from 'node:crypto';
import { BoxliteError, FrameFlag, FrameType, MAX_FRAME_PAYLOAD } from '@boxlite/core';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type {
  EnvironmentInput,
  ExecOptions,
  InitOptions,
  PrepareOptions,
  QuiesceOptions,
  RenewOptions,
  TerminalSize,
  VolumeMount,
} from './exec-options.js';
import { RequestSchema } from './gen/agent_pb.js';

/** The agent's own bounds (native/src/request.h). */
const MAX_ARGUMENTS = 8192;
const MAX_ENVIRONMENT = 4096;
const MAX_REQUEST_BYTES = 1024 * 1024;
/** The ability of an agent to take a request of several frames. */
const REQUEST_PARTS = 'request-parts';
/** Linux: `__NEW_UTS_LEN`. */
const MAX_HOSTNAME = 64;
const MAX_ENTROPY = 512;
const LEAST_RENEWAL_ENTROPY = 32;
/** The ability of an agent to quiesce, thaw and renew. */
const RENEW = 'renew';
/** The ability of an agent to prepare a machine for boxes of one image. */
const PREPARE = 'prepare';
const MAX_READ_PATHS = 512;
const MAX_VOLUMES = 16;
/** The ability of an agent to mount shares. */
const VOLUMES = 'volumes';
/** The ability of an agent to leave a container everything. */
const PRIVILEGED = 'privileged';
const MAX_TIMEOUT_MS = 0xffff_ffff;

const encoder = new TextEncoder();

/** One of the operations a request can ask for. */
export type Operation = NonNullable<MessageInitShape<typeof RequestSchema>['operation']>;

/**
 * A request as bytes.
 * @throws BoxliteError `invalid_argument` when it is longer than any agent takes
 */
export function encodeRequest(id: number, operation: Operation): Uint8Array {
  const bytes = toBinary(RequestSchema, create(RequestSchema, { id, operation }));
  if (bytes.length > MAX_REQUEST_BYTES) throw tooLong(bytes.length, MAX_REQUEST_BYTES);
  return bytes;
}

/**
 * The frames of a request, in order and to be sent without others of the stream in between.
 * @param capabilities of the agent: an older one takes requests of one frame only
 * @throws BoxliteError `invalid_argument` when it needs more than the agent takes
 */
export function requestFrames(stream: number, payload: Uint8Array, capabilities: readonly string[]) {
  if (payload.length > MAX_FRAME_PAYLOAD && !capabilities.includes(REQUEST_PARTS)) {
    throw tooLong(payload.length, MAX_FRAME_PAYLOAD);
  }
  const frames = [];
  for (let offset = 0; offset === 0 || offset < payload.length; offset += MAX_FRAME_PAYLOAD) {
    const part = payload.subarray(offset, offset + MAX_FRAME_PAYLOAD);
    const flags = offset + part.length < payload.length ? FrameFlag.MORE : 0;
    frames.push({ type: FrameType.REQUEST, stream, flags, payload: part });
  }
  return frames;
}

/** @throws BoxliteError `invalid_argument` naming the field the guest could not take */
export function execOperation(options: ExecOptions): Operation {
  if (options.argv.length === 0 || options.argv[0] === '') throw invalid('argv', 'the command is empty');
  if (options.argv.length > MAX_ARGUMENTS) throw invalid('argv', `more than ${MAX_ARGUMENTS} arguments`);
  const { timeoutMs = 0 } = options;
  if (!Number.isFinite(timeoutMs) || timeoutMs < 0 || timeoutMs > MAX_TIMEOUT_MS) {
    throw invalid('timeoutMs', `${timeoutMs} is not a time limit in milliseconds (0 to ${MAX_TIMEOUT_MS})`);
  }
  return {
    case: 'exec',
    value: {
      argv: options.argv.map((text) => textBytes('argv', text)),
      env: environment(options.env),
      cwd: textBytes('cwd', options.cwd ?? ''),
      user: textBytes('user', options.user ?? ''),
      stdin: options.stdin ?? false,
      main: options.main ?? false,
      // Rounded up, so that a fraction of a millisecond is not "no limit".
      timeoutMs: Math.ceil(timeoutMs),
      ...(options.tty === undefined ? {} : { tty: terminalSize(options.tty) }),
    },
  };
}

/** @throws BoxliteError `invalid_argument` naming the field the guest could not take */
export function initOperation(options: InitOptions): Operation {
  const { hostname, entropy = randomBytes(64), diskBytes = 0 } = options;
  checkHostname(hostname);
  if (entropy.length > MAX_ENTROPY) throw invalid('entropy', `more than ${MAX_ENTROPY} bytes`);
  checkBytes('diskBytes', diskBytes);
  const { volumes = [] } = options;
  if (volumes.length > MAX_VOLUMES) throw invalid('volumes', `more than ${MAX_VOLUMES} volumes`);
  return {
    case: 'init',
    value: {
      hostname,
      entropy,
      disk: options.disk ?? '/dev/vda',
      diskBytes: BigInt(diskBytes),
      wallClockNs: nanoseconds(options.wallClock),
      env: environment(options.env),
      cwd: textBytes('cwd', options.cwd ?? ''),
      user: textBytes('user', options.user ?? ''),
      volumes: volumes.map(volumeMessage),
      privileged: options.privileged ?? false,
      ...(options.hosts === undefined ? {} : { hosts: encoder.encode(options.hosts) }),
      ...(options.resolvConf === undefined ? {} : { resolvConf: encoder.encode(options.resolvConf) }),
    },
  };
}

/** @throws BoxliteError `invalid_argument` naming the field the guest could not take */
export function prepareOperation({
  disk = '/dev/vda',
  diskBytes = 0,
  paths = [],
  readBytes = 0,
}: PrepareOptions): Operation {
  checkBytes('diskBytes', diskBytes);
  checkBytes('readBytes', readBytes);
  if (paths.length > MAX_READ_PATHS) throw invalid('paths', `more than ${MAX_READ_PATHS} paths`);
  return {
    case: 'prepare',
    value: {
      disk,
      diskBytes: BigInt(diskBytes),
      paths: paths.map((path) => textBytes('paths', path)),
      readBytes: BigInt(readBytes),
    },
  };
}

/** @throws BoxliteError `unsupported` when the agent cannot prepare a machine for an image */
export function checkAgentPrepares(capabilities: readonly string[]): void {
  if (capabilities.includes(PREPARE)) return;
  throw new BoxliteError('unsupported', 'prepare: the guest agent of this machine is too old', {
    hint: 'boot a machine with the present agent',
  });
}

function checkBytes(field: string, bytes: number): void {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return;
  throw invalid(field, `${bytes} is not a number of bytes`);
}

/**
 * @param capabilities of the agent: an older one would run the container without its volumes, or confined
 * @throws BoxliteError `unsupported` when it cannot do what the options ask for
 */
export function checkAgentTakes(options: InitOptions, capabilities: readonly string[]): void {
  const asked = [
    ...((options.volumes ?? []).length === 0 ? [] : [VOLUMES]),
    ...(options.privileged === true ? [PRIVILEGED] : []),
  ];
  const missing = asked.find((ability) => !capabilities.includes(ability));
  if (missing === undefined) return;
  const what = missing === VOLUMES ? 'volumes' : 'privileged containers';
  throw new BoxliteError('unsupported', `the guest agent of this machine is too old for ${what}`, {
    hint: 'stop the box and start it again: it then boots with the present agent',
    details: { field: missing },
  });
}

function volumeMessage({ tag, destination, readOnly, file = '' }: VolumeMount) {
  return { tag, destination: textBytes('volumes', destination), readOnly, file };
}

/** @throws BoxliteError `invalid_argument` naming the field the guest could not take */
export function quiesceOperation({ sync = false, timeoutMs = 0 }: QuiesceOptions): Operation {
  if (!Number.isFinite(timeoutMs) || timeoutMs < 0 || timeoutMs > MAX_TIMEOUT_MS) {
    throw invalid('timeoutMs', `${timeoutMs} is not a time limit in milliseconds (0 to ${MAX_TIMEOUT_MS})`);
  }
  return { case: 'quiesce', value: { sync, timeoutMs: Math.ceil(timeoutMs) } };
}

/** @throws BoxliteError `invalid_argument` naming the field the guest could not take */
export function renewOperation(options: RenewOptions): Operation {
  const { hostname, entropy = randomBytes(64) } = options;
  if (hostname !== undefined) checkHostname(hostname);
  if (options.env === undefined && (options.cwd ?? options.user) !== undefined) {
    throw invalid('env', 'cwd and user are replaced together with env, which is missing');
  }
  if (entropy.length < LEAST_RENEWAL_ENTROPY || entropy.length > MAX_ENTROPY) {
    throw invalid('entropy', `${entropy.length} random bytes instead of ${LEAST_RENEWAL_ENTROPY} to ${MAX_ENTROPY}`);
  }
  return {
    case: 'renew',
    value: {
      hostname: hostname ?? '',
      entropy,
      wallClockNs: nanoseconds(options.wallClock),
      env: environment(options.env),
      cwd: textBytes('cwd', options.cwd ?? ''),
      user: textBytes('user', options.user ?? ''),
      replaceDefaults: options.env !== undefined,
      ...(options.hosts === undefined ? {} : { hosts: encoder.encode(options.hosts) }),
      ...(options.resolvConf === undefined ? {} : { resolvConf: encoder.encode(options.resolvConf) }),
    },
  };
}

/** @throws BoxliteError `unsupported` when the agent cannot stand still, or cannot be made another one */
export function checkAgentRenews(what: string, capabilities: readonly string[]): void {
  if (capabilities.includes(RENEW)) return;
  throw new BoxliteError('unsupported', `${what}: the guest agent of this machine is too old`, {
    hint: 'stop the box and start it again: it then boots with the present agent',
  });
}

function checkHostname(hostname: string): void {
  if (/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(hostname) && hostname.length <= MAX_HOSTNAME) return;
  throw invalid('hostname', `${JSON.stringify(hostname.slice(0, 160))} is not a host name`, {
    hint: `letters, digits, dots and dashes, at most ${MAX_HOSTNAME}`,
  });
}

/** Since the epoch, as late as possible. */
function nanoseconds(clock: Date | undefined): bigint {
  return BigInt((clock ?? new Date()).getTime()) * 1_000_000n;
}

/** @throws BoxliteError `invalid_argument` for a number that is no signal */
export function signalOperation(signal: number, group: boolean): Operation {
  if (!Number.isInteger(signal) || signal < 1 || signal > 64) {
    throw invalid('signal', `${signal} is not a signal (1 to 64)`);
  }
  return { case: 'signal', value: { signal, group } };
}

/** @throws BoxliteError `invalid_argument` for a size no terminal has */
export function resizeOperation(size: TerminalSize): Operation {
  return { case: 'resize', value: { size: terminalSize(size) } };
}

function terminalSize(size: TerminalSize): { rows: number; cols: number } {
  for (const value of [size.rows, size.cols]) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff) {
      throw invalid('tty', `a terminal of ${size.rows} rows and ${size.cols} columns is out of range`);
    }
  }
  return { rows: size.rows, cols: size.cols };
}

function environment(input: EnvironmentInput | undefined): Uint8Array[] {
  const entries = isList(input) ? input : Object.entries(input ?? {}).map(([key, value]) => `${key}=${value}`);
  if (entries.length > MAX_ENVIRONMENT) throw invalid('env', `more than ${MAX_ENVIRONMENT} variables`);
  return entries.map((entry) => {
    if (entry.indexOf('=') < 1) throw invalid('env', `${JSON.stringify(entry.slice(0, 160))} is not KEY=VALUE`);
    return textBytes('env', entry);
  });
}

function isList(input: EnvironmentInput | undefined): input is readonly string[] {
  return Array.isArray(input);
}

function textBytes(field: string, text: string): Uint8Array {
  if (text.includes('\0')) throw invalid(field, `${field} contains a NUL character, which ends a text in Linux`);
  return encoder.encode(text);
}

function tooLong(bytes: number, limit: number): BoxliteError {
  return invalid('argv', `arguments and environment of ${bytes} bytes exceed ${limit}`, {
    hint: 'put long input on stdin or into a file of the box',
  });
}

function invalid(field: string, message: string, extra: { hint?: string } = {}): BoxliteError {
  return new BoxliteError('invalid_argument', message, { ...extra, details: { field } });
}
