import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DENIED_SYSCALLS, seccompFilter } from '../src/index.js';
import { BPF_INSTRUCTION_BYTES, BPF_MAX_INSTRUCTIONS } from '../src/seccomp/bpf.js';
import { type FilterArchitecture, type SyscallName, syscallNumber } from '../src/seccomp/syscall-numbers.js';
import { runFilter } from './bpf-interpreter.js';

const ARCHITECTURE = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;
const EAFNOSUPPORT = 0x00050061;
const BOTH: FilterArchitecture[] = ['x64', 'arm64'];

const call = (architecture: FilterArchitecture, name: SyscallName, args: number[] = [], networkEnabled = false) =>
  runFilter(seccompFilter({ architecture, networkEnabled }), {
    number: syscallNumber(name, architecture) ?? -1,
    architecture: ARCHITECTURE[architecture],
    args,
  });

describe.each(BOTH)('the filter for %s', (architecture) => {
  it('denies every call of the list with EPERM', () => {
    for (const name of DENIED_SYSCALLS) {
      if (syscallNumber(name, architecture) !== undefined) expect(call(architecture, name), name).toBe(EPERM);
    }
  });

  it('kills the process of another architecture, whatever the call', () => {
    const program = seccompFilter({ architecture, networkEnabled: true });
    // i386, ARM, and the other of the two.
    for (const other of [0x40000003, 0x40000028, ARCHITECTURE[architecture === 'x64' ? 'arm64' : 'x64']]) {
      expect(runFilter(program, { number: 0, architecture: other })).toBe(KILL);
    }
  });

  it('allows what a VMM does', () => {
    const program = seccompFilter({ architecture, networkEnabled: false });
    const numbers = architecture === 'x64' ? [0, 1, 9, 59, 202, 257, 318] : [56, 63, 64, 98, 221, 222, 278];
    for (const number of numbers) {
      expect(runFilter(program, { number, architecture: ARCHITECTURE[architecture] })).toBe(ALLOW);
    }
    // A thread as the C library makes it, and KVM_RUN.
    expect(call(architecture, 'clone', [0x003d0f00])).toBe(ALLOW);
    expect(call(architecture, 'ioctl', [3, 0xae80])).toBe(ALLOW);
  });

  it('denies clone with any new namespace, and hides clone3', () => {
    for (const flag of [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect(call(architecture, 'clone', [flag | 17])).toBe(EPERM);
    }
    expect(call(architecture, 'clone3')).toBe(ENOSYS);
  });

  it('allows unix sockets always, internet sockets with a network, no others', () => {
    for (const networkEnabled of [false, true]) {
      const families = [1, 2, 10, 16, 17, 38, 40].map((family) =>
        call(architecture, 'socket', [family], networkEnabled),
      );
      const internet = networkEnabled ? ALLOW : EAFNOSUPPORT;
      expect(families).toEqual([ALLOW, internet, internet, ...Array<number>(4).fill(EAFNOSUPPORT)]);
    }
  });

  it('denies putting characters into a terminal, also with other bits set above the 32 the kernel reads', () => {
    for (const request of [0x5412, 0x541c, 0x1_0000_5412]) {
      expect(call(architecture, 'ioctl', [0, request])).toBe(EPERM);
    }
  });

  it('lets no file become a set-user-id or set-group-id program', () => {
    const modes: [SyscallName, (mode: number) => number[]][] = [
      ['chmod', (mode) => [0, mode]],
      ['fchmod', (mode) => [0, mode]],
      ['fchmodat', (mode) => [0, 0, mode]],
      ['fchmodat2', (mode) => [0, 0, mode]],
      ['mknod', (mode) => [0, mode]],
      ['mknodat', (mode) => [0, 0, mode]],
      ['creat', (mode) => [0, mode]],
      ['open', (mode) => [0, 0o101, mode]],
      ['openat', (mode) => [0, 0, 0o101, mode]],
    ];
    for (const [name, args] of modes) {
      if (syscallNumber(name, architecture) === undefined) continue;
      expect(call(architecture, name, args(0o1777)), name).toBe(ALLOW);
      for (const mode of [0o4755, 0o2755, 0o104000]) expect(call(architecture, name, args(mode)), name).toBe(EPERM);
    }
    // Without O_CREAT there is no mode, whatever the register holds.
    expect(call(architecture, 'openat', [0, 0, 0o2, 0o4755])).toBe(ALLOW);
    expect(call(architecture, 'openat2')).toBe(ENOSYS);
  });

  it('hides io_uring, by which files and sockets would be made past the filter', () => {
    for (const name of ['io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const) {
      expect(call(architecture, name, [], true), name).toBe(ENOSYS);
    }
  });

  it('denies further calls on request', () => {
    const program = seccompFilter({ architecture, networkEnabled: true, alsoDenied: ['socket'] });
    const number = syscallNumber('socket', architecture) ?? -1;
    expect(runFilter(program, { number, architecture: ARCHITECTURE[architecture], args: [1] })).toBe(EPERM);
  });

  it('is within the kernel’s limit, and the same bytes every time', () => {
    const program = seccompFilter({ architecture, networkEnabled: false });
    expect(program.length % BPF_INSTRUCTION_BYTES).toBe(0);
    expect(program.length / BPF_INSTRUCTION_BYTES).toBeLessThan(BPF_MAX_INSTRUCTIONS);
    expect({
      instructions: program.length / BPF_INSTRUCTION_BYTES,
      sha256: createHash('sha256').update(program).digest('hex'),
    }).toMatchSnapshot();
  });
});

it('the filter for x64 kills the x32 interface', () => {
  const program = seccompFilter({ architecture: 'x64', networkEnabled: true });
  for (const number of [0x40000000, 0x40000000 | 165, 0xffffffff]) {
    expect(runFilter(program, { number, architecture: ARCHITECTURE.x64 })).toBe(KILL);
  }
});
