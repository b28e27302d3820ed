import type { JailLayer, ResourceLimits, SandboxContext } from '@boxlite/core';

const NOT_ON_MACOS = 'macOS has none';

/** What holds a command under seatbelt, and what macOS has nothing for. */
export function seatbeltLayers({ networkEnabled, sandboxProfile }: SandboxContext): readonly JailLayer[] {
  const network = networkEnabled ? 'internet addresses open' : 'no network';
  const own =
    sandboxProfile === undefined
      ? `sandbox-exec, generated profile: files, sockets, signals, ${network}`
      : `sandbox-exec, profile given: ${printable(sandboxProfile)}`;
  return [
    { name: 'cgroup', state: 'inactive', detail: NOT_ON_MACOS },
    { name: 'namespaces', state: 'inactive', detail: NOT_ON_MACOS },
    { name: 'view', state: 'inactive', detail: 'the host’s own files are seen, as far as the profile permits' },
    { name: 'privileges', state: 'inactive', detail: 'the command stays the user who started it' },
    { name: 'landlock', state: 'inactive', detail: NOT_ON_MACOS },
    { name: 'seccomp', state: 'inactive', detail: NOT_ON_MACOS },
    { name: 'seatbelt', state: 'active', detail: own },
  ];
}

/** What only a control group could hold; `maxMemory` too, since macOS takes the limit of the address space and does nothing with it. */
const GROUP_LIMITS = [
  'maxProcesses',
  'maxMemory',
  'memoryHigh',
  'cpuQuota',
  'cpuWeight',
  'ioWeight',
  'ioReadBytesPerSecond',
  'ioWriteBytesPerSecond',
] as const satisfies readonly (keyof ResourceLimits)[];

/** What a context asks for and macOS cannot do, each a sentence. */
export function seatbeltDegradations({ resourceLimits }: SandboxContext): readonly string[] {
  const unlimited = GROUP_LIMITS.filter((name) => resourceLimits[name] !== undefined);
  return [
    'macOS has no namespaces: the command is among the processes and users of the host, and the profile alone keeps it from them',
    ...(unlimited.length === 0 ? [] : [`macOS has no control groups, so nothing holds ${unlimited.join(', ')}`]),
  ];
}

function printable(path: string): string {
  return JSON.stringify(path).slice(1, -1);
}
