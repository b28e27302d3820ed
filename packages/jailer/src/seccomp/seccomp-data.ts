import type { FilterArchitecture } from './syscall-numbers.js';

/** `struct seccomp_data` (linux/seccomp.h): number, architecture, instruction pointer, six 64-bit arguments, little-endian on both. */
export const OFFSET = { number: 0, architecture: 4, argument: (index: number) => 16 + 8 * index } as const;

/** AUDIT_ARCH_* of linux/audit.h. */
export const AUDIT_ARCHITECTURE: Readonly<Record<FilterArchitecture, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };

/** Calls of the x32 interface carry this bit (asm/unistd.h), so a filter by number would miss them. */
export const X32_BIT = 0x40000000;

/** SECCOMP_RET_* of linux/seccomp.h. */
export const VERDICT = {
  killProcess: 0x80000000,
  notify: 0x7fc00000,
  allow: 0x7fff0000,
  errno: (number: number): number => 0x00050000 | number,
} as const;
