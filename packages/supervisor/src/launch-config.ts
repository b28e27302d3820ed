import { BoxliteError, type InheritedFile, type ProcessLimits, type SuperviseRequest } from '@boxlite/core';

/** The bound of the supervisor (`CONFIG_MAX_BYTES` in native/src/config.h). */
export const LAUNCH_CONFIG_MAX_BYTES = 1_048_576;

const LIMIT_KEYS = {
  maxOpenFiles: 'limit-open-files',
  maxFileSize: 'limit-file-size',
  maxMemory: 'limit-memory',
  maxCpuTime: 'limit-cpu-seconds',
} as const satisfies Record<keyof ProcessLimits, string>;

type ConfigRecord = readonly [key: string, value: string | number | Uint8Array];

/**
 * Writes a request in the form the supervisor reads from its pipe: records of `u32 key size, u32 value size, key, NUL, value, NUL`
 * (little endian), ended by an empty `end`. Binary safe, so that nothing has to be quoted.
 * @throws BoxliteError `invalid_argument` when the request is over {@link LAUNCH_CONFIG_MAX_BYTES}
 */
export function encodeLaunchConfig(request: SuperviseRequest): Uint8Array {
  const records = [...boxRecords(request), ...commandRecords(request), ...limitRecords(request.command.rlimits ?? {})];
  const bytes = encodeRecords([...records, ['end', '']]);
  if (bytes.length >= LAUNCH_CONFIG_MAX_BYTES) {
    throw new BoxliteError(
      'invalid_argument',
      `the command of box ${request.boxId} takes ${bytes.length} bytes, more than the ${LAUNCH_CONFIG_MAX_BYTES} a supervisor accepts`,
      { hint: 'pass large inputs as files', details: { field: 'command' } },
    );
  }
  return bytes;
}

function boxRecords(request: SuperviseRequest): ConfigRecord[] {
  return [
    ['box-id', request.boxId],
    ['agent-socket', request.agentSocket],
    ['control-dir', request.controlDir],
    ['pid-file', request.pidFile],
    ['stderr-file', request.stderrFile],
    ['exit-file', request.exitFile],
    ['console-file', request.consoleFile],
    ['console-max-bytes', request.consoleMaxBytes],
    ...(request.detached ? [['detached', ''] as const] : []),
    ...(request.stdin === undefined ? [] : [['stdin', request.stdin] as const]),
    ...(request.listeners ?? []).map((listener) => ['listener', fdAndPath(listener)] as const),
    ...(request.files ?? []).map((file) => ['file', fdAndPath(file)] as const),
  ];
}

function commandRecords({ command }: SuperviseRequest): ConfigRecord[] {
  const report = command.pidReport;
  return [
    ['binary', command.binary],
    ...command.args.map((value) => ['arg', value] as const),
    ...Object.entries(command.env).map(([name, value]) => ['env', `${name}=${value}`] as const),
    ...(command.dataFds ?? []).map(({ fd, data }) => ['data-fd', Buffer.concat([u32(fd), data])] as const),
    ...(command.syscallReport === undefined ? [] : [['syscall-report', syscallReport(command.syscallReport)] as const]),
    ...(command.cgroupDir === undefined ? [] : [['cgroup-dir', command.cgroupDir] as const]),
    ...(report.kind === 'self'
      ? []
      : [['bubblewrap', Buffer.concat([u32(report.infoFd), u32(report.blockFd)])] as const]),
  ];
}

const fdAndPath = ({ fd, path }: InheritedFile) => Buffer.concat([u32(fd), Buffer.from(path)]);

/** The descriptor, and a line `<number> <name>` for each call. */
function syscallReport({ fd, names }: NonNullable<SuperviseRequest['command']['syscallReport']>): Buffer {
  const lines = [...names].map(([number, name]) => `\n${number} ${name}`).join('');
  return Buffer.concat([u32(fd), Buffer.from(`${lines}\n`)]);
}

function limitRecords(limits: ProcessLimits): ConfigRecord[] {
  return (Object.keys(LIMIT_KEYS) as (keyof ProcessLimits)[]).flatMap((name) => {
    const value = limits[name];
    return value === undefined ? [] : [[LIMIT_KEYS[name], value] as const];
  });
}

/** Into one buffer: a command has a hundred of them. */
function encodeRecords(records: readonly ConfigRecord[]): Buffer {
  const values = records.map(([, value]) => (typeof value === 'object' ? value : Buffer.from(String(value))));
  const size = records.reduce((sum, [key], index) => sum + 8 + key.length + 1 + (values[index]?.length ?? 0) + 1, 0);
  const bytes = Buffer.alloc(size);
  let position = 0;
  for (const [index, [key]] of records.entries()) {
    const value = values[index] ?? new Uint8Array(0);
    position = bytes.writeUInt32LE(key.length, position);
    position = bytes.writeUInt32LE(value.length, position);
    // The NULs behind both are there already.
    position += bytes.write(key, position, 'latin1') + 1;
    bytes.set(value, position);
    position += value.length + 1;
  }
  return bytes;
}

function u32(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new BoxliteError('invalid_argument', `${value} is not a file descriptor`, { details: { field: 'command' } });
  }
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
