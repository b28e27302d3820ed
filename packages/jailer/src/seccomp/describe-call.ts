import type { RefusedCall } from '@boxlite/core';
import { AUDIT_ARCHITECTURE } from './seccomp-data.js';
import { type FilterArchitecture, syscallName } from './syscall-numbers.js';

/** A refused system call for people: `system call io_uring_setup (425) with arguments 0x1, 0x7ffe…`. A pure function. */
export function describeCall({ number, architecture, args }: RefusedCall): string {
  const [own] = (Object.entries(AUDIT_ARCHITECTURE) as [FilterArchitecture, number][]).find(
    ([, audit]) => audit === architecture,
  ) ?? [undefined];
  const name = own === undefined ? undefined : syscallName(number, own);
  const called =
    name === undefined ? `system call ${number}, which has no name here,` : `system call ${name} (${number})`;
  return `${called} with arguments ${args.join(', ')}`;
}
