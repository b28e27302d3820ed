import { expect, it } from 'vitest';
import { describeCall } from './describe-call.js';

const args = ['0x1', '0x7ffe0000', '0x0', '0x0', '0x0', '0x0'];

it('a refused call is named by its number and architecture, with its arguments', () => {
  expect(describeCall({ number: 425, architecture: 0xc000003e, args })).toBe(
    'system call io_uring_setup (425) with arguments 0x1, 0x7ffe0000, 0x0, 0x0, 0x0, 0x0',
  );
  expect(describeCall({ number: 221, architecture: 0xc00000b7, args })).toContain('system call execve (221) with');
});

it('one without a name is told by its number', () => {
  for (const call of [
    { number: 9999, architecture: 0xc000003e },
    { number: 1, architecture: 0x40000003 },
  ]) {
    expect(describeCall({ ...call, args })).toContain(`system call ${call.number}, which has no name here, with`);
  }
});
