import { SYSCALL_TABLE } from './syscall-table.js';

/** Architectures a filter can be built for, as Node.js names them. */
export type FilterArchitecture = 'x64' | 'arm64';

/** The name of a system call, as the kernel spells it. */
export type SyscallName = string;

interface Numbers {
  readonly x64: number | undefined;
  readonly arm64: number | undefined;
}

const NUMBERS: ReadonlyMap<SyscallName, Numbers> = new Map(
  SYSCALL_TABLE.trim()
    .split(/\s+/)
    .map((entry) => {
      const [name = '', x64 = '-', arm64 = '-'] = entry.split(':');
      return [name, { x64: toNumber(x64), arm64: toNumber(arm64) }];
    }),
);

/** True for the name of a call that x86-64 or arm64 has. */
export function isSyscallName(name: string): boolean {
  return NUMBERS.has(name);
}

/** The call's number, or undefined where the architecture has none. */
export function syscallNumber(name: SyscallName, architecture: FilterArchitecture): number | undefined {
  return NUMBERS.get(name)?.[architecture];
}

/** The name of the call with this number, or undefined where the table has none: a call newer than Linux 6.18, or no call at all. */
export function syscallName(number: number, architecture: FilterArchitecture): SyscallName | undefined {
  for (const [name, numbers] of NUMBERS) if (numbers[architecture] === number) return name;
  return undefined;
}

/** Every call the architecture has, by name. */
export function syscallNames(architecture: FilterArchitecture): readonly SyscallName[] {
  return [...NUMBERS.keys()].filter((name) => syscallNumber(name, architecture) !== undefined);
}

function toNumber(text: string): number | undefined {
  return text === '-' ? undefined : Number(text);
}
