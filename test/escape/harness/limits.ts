const MIB = 1024 * 1024;

/** What the jail is told to allow; small, so that breaking one costs the machine nothing. Bytes and seconds. */
export const LIMITS = {
  maxOpenFiles: 256,
  maxProcesses: 64,
  maxMemory: 256 * MIB,
  maxFileSize: 64 * MIB,
  maxCpuTime: 1,
  consoleBytes: MIB,
} as const;
