import { type Decoded, type Init, messageType, oneOf, optional, plain, repeated } from './message-type.js';

/*
 * The messages of `proto/agent.proto`, which says what each field means. A table and the few lines that read it instead of a library: a start
 * of a box needs four of these messages, and loading and warming up a library of all of protobuf took longer than everything else it does in JavaScript.
 * Tests hold it against the code generated from the schema.
 */

export const helloMessage = messageType({
  generation: plain(1, 'uint32'),
  oldestClient: plain(2, 'uint32'),
  agentVersion: plain(3, 'string'),
  bootId: plain(4, 'string'),
  kernelRelease: plain(5, 'string'),
  architecture: plain(6, 'string'),
  kernelBootUs: plain(7, 'uint64'),
  agentStartUs: plain(8, 'uint64'),
  capabilities: repeated(9, 'string'),
  initialized: plain(10, 'bool'),
  quiesced: plain(11, 'bool'),
});

const empty = messageType({});

const errorMessage = messageType({
  code: plain(1, 'string'),
  message: plain(2, 'string'),
  field: plain(3, 'string'),
  errnoValue: plain(4, 'uint32'),
});

const volume = messageType({
  tag: plain(1, 'string'),
  destination: plain(2, 'bytes'),
  readOnly: plain(3, 'bool'),
  file: plain(4, 'string'),
});

const init = messageType({
  hostname: plain(1, 'string'),
  wallClockNs: plain(2, 'uint64'),
  entropy: plain(3, 'bytes'),
  disk: plain(4, 'string'),
  env: repeated(5, 'bytes'),
  cwd: plain(6, 'bytes'),
  user: plain(7, 'bytes'),
  hosts: optional(8, 'bytes'),
  resolvConf: optional(9, 'bytes'),
  volumes: repeated(10, volume),
  privileged: plain(11, 'bool'),
  diskBytes: plain(12, 'uint64'),
});

const prepare = messageType({
  disk: plain(1, 'string'),
  diskBytes: plain(2, 'uint64'),
  paths: repeated(3, 'bytes'),
  readBytes: plain(4, 'uint64'),
});

const prepared = messageType({
  diskUs: plain(1, 'uint64'),
  readBytes: plain(2, 'uint64'),
  readFiles: plain(3, 'uint32'),
});

const initDone = messageType({
  containerUs: plain(1, 'uint64'),
  diskGrowthUs: plain(2, 'uint64'),
  bootId: plain(3, 'string'),
  machineUs: plain(4, 'uint64'),
  diskUs: plain(5, 'uint64'),
});

const terminalSize = messageType({ rows: plain(1, 'uint32'), cols: plain(2, 'uint32') });

const exec = messageType({
  argv: repeated(1, 'bytes'),
  env: repeated(2, 'bytes'),
  cwd: plain(3, 'bytes'),
  user: plain(4, 'bytes'),
  tty: plain(5, terminalSize),
  stdin: plain(6, 'bool'),
  timeoutMs: plain(7, 'uint32'),
  main: plain(8, 'bool'),
});

const execStarted = messageType({ executionId: plain(1, 'uint64'), pid: plain(2, 'uint32') });

const exited = messageType({
  exitCode: plain(1, 'uint32'),
  signal: plain(2, 'uint32'),
  timedOut: plain(3, 'bool'),
  durationUs: plain(4, 'uint64'),
});

const renew = messageType({
  hostname: plain(1, 'string'),
  wallClockNs: plain(2, 'uint64'),
  entropy: plain(3, 'bytes'),
  env: repeated(4, 'bytes'),
  replaceDefaults: plain(5, 'bool'),
  hosts: optional(6, 'bytes'),
  resolvConf: optional(7, 'bytes'),
  cwd: plain(8, 'bytes'),
  user: plain(9, 'bytes'),
});

export const requestMessage = messageType({
  id: plain(1, 'uint32'),
  operation: oneOf({
    init: plain(2, init),
    exec: plain(3, exec),
    signal: plain(4, messageType({ signal: plain(1, 'uint32'), group: plain(2, 'bool') })),
    resize: plain(5, messageType({ size: plain(1, terminalSize) })),
    ping: plain(6, empty),
    quiesce: plain(7, messageType({ sync: plain(1, 'bool'), timeoutMs: plain(2, 'uint32') })),
    thaw: plain(8, empty),
    renew: plain(9, renew),
    prepare: plain(10, prepare),
  }),
});

export const responseMessage = messageType({
  id: plain(1, 'uint32'),
  result: oneOf({
    error: plain(2, errorMessage),
    initDone: plain(3, initDone),
    execStarted: plain(4, execStarted),
    exited: plain(5, exited),
    done: plain(6, empty),
    renewed: plain(7, messageType({ bootId: plain(1, 'string'), renewUs: plain(2, 'uint64') })),
    prepared: plain(8, prepared),
  }),
});

export type Request = Init<(typeof requestMessage)['fields']>;
/** One of the operations a request can ask for. */
export type Operation = NonNullable<Request['operation']>;
export type Response = Decoded<(typeof responseMessage)['fields']>;
export type WireError = Decoded<(typeof errorMessage)['fields']>;
export type InitDone = Decoded<(typeof initDone)['fields']>;
export type ExecStarted = Decoded<(typeof execStarted)['fields']>;
export type Exited = Decoded<(typeof exited)['fields']>;
