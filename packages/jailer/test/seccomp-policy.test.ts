import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BPF_INSTRUCTION_BYTES, BPF_MAX_INSTRUCTIONS } from '../src/seccomp/bpf.js';
import { activeRules, type CompilePolicyOptions, compilePolicy } from '../src/seccomp/policy/compile-policy.js';
import { parsePolicy } from '../src/seccomp/policy/parse-policy.js';
import type { SeccompPolicy } from '../src/seccomp/policy/seccomp-policy.js';
import { AUDIT_ARCHITECTURE } from '../src/seccomp/seccomp-data.js';
import { type FilterArchitecture, syscallNames, syscallNumber } from '../src/seccomp/syscall-numbers.js';
import { runFilter, type SyscallData, traceFilter } from './bpf-interpreter.js';
import { type Random, randomFrom, randomPolicy } from './random-policy.js';
import { referenceVerdict } from './reference-verdict.js';

const BOTH: readonly FilterArchitecture[] = ['x64', 'arm64'];
const policyOf = (path: string) => parsePolicy(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));
const POLICIES = ['vmm-qemu/policy/qemu.policy', 'vmm-libkrun/policy/libkrun-shim.policy'];

/** Values an argument is compared with somewhere in a call's rules, and those around them. */
function interesting(policy: SeccompPolicy, options: CompilePolicyOptions, call: string, random: Random): bigint[] {
  const values = activeRules(policy, options)
    .filter((rule) => rule.call === call)
    .flatMap(({ conditions }) =>
      conditions.flatMap(({ values: of }) => of.map((value) => value[options.architecture])),
    );
  const near = values.flatMap((value) => [value, value + 1n, value ^ (1n << BigInt(random.below(64)))]);
  return [...near, random.word()].map((value) => BigInt.asUintN(64, value));
}

function randomCall(policy: SeccompPolicy, options: CompilePolicyOptions, random: Random): SyscallData {
  const names = random.below(4) === 0 ? syscallNames(options.architecture) : policy.rules.map(({ call }) => call);
  const call = random.pick(names);
  const known = syscallNumber(call, options.architecture) ?? random.below(500);
  const number = random.below(30) === 0 ? random.pick([known + 1, known | 0x40000000, 0xffff_ffff]) : known;
  const architecture = random.below(30) === 0 ? 0x40000003 : AUDIT_ARCHITECTURE[options.architecture];
  const values = interesting(policy, options, call, random);
  return { number, architecture, args: Array.from({ length: 6 }, () => random.pick(values)) };
}

function expectAgreement(
  policy: SeccompPolicy,
  options: CompilePolicyOptions,
  random: Random,
  calls: number,
  where: string,
) {
  const { program } = compilePolicy(policy, options);
  for (let round = 0; round < calls; round++) {
    const data = randomCall(policy, options, random);
    const verdict = runFilter(program, data);
    if (verdict === referenceVerdict(policy, options, data)) continue;
    const told = JSON.stringify(data, (_key, value) => (typeof value === 'bigint' ? value.toString(16) : value));
    expect.fail(`${where}: the filter gives 0x${verdict.toString(16)} for ${told}`);
  }
}

describe('a compiled policy decides every call as its text says', () => {
  it('for policies made at random', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = randomFrom(seed * 7919);
      const policy = parsePolicy(randomPolicy(random));
      const options: CompilePolicyOptions = {
        architecture: random.pick(BOTH),
        switches: ['one', 'two', 'network'].filter(() => random.below(2) === 0),
        refused: random.pick(['kill', 'notify']),
        ...(random.below(2) === 0 ? { handOverFd: 127 } : {}),
      };
      expectAgreement(policy, options, random, 200, `seed ${seed}`);
    }
  });

  it.each(POLICIES)('for %s, with every set of switches', (path) => {
    const policy = policyOf(path);
    const random = randomFrom(4711);
    for (const architecture of BOTH) {
      for (let set = 0; set < 1 << policy.switches.length; set++) {
        const switches = policy.switches.filter((_name, index) => (set >> index) % 2 === 1);
        expectAgreement(
          policy,
          { architecture, switches, refused: 'kill' },
          random,
          3000,
          `${architecture} ${switches}`,
        );
      }
    }
  });
});

describe('the policies', () => {
  it.each(POLICIES)('%s has a length that is known', (path) => {
    const policy = policyOf(path);
    const lengths = BOTH.flatMap((architecture) =>
      [[], policy.switches].map((switches) => {
        const { instructions, calls, skipped } = compilePolicy(policy, { architecture, switches, refused: 'kill' });
        return { architecture, switches: switches.join(' '), instructions, calls, skipped: skipped.join(' ') };
      }),
    );
    expect(lengths).toMatchSnapshot();
  });

  it.each(POLICIES)(
    '%s lets no call through that hides from filters, loads code, or reaches other processes',
    (path) => {
      const never = [
        'io_uring_setup',
        'io_uring_enter',
        'execveat',
        'ptrace',
        'bpf',
        'userfaultfd',
        'mount',
        'unshare',
        'setns',
      ]
        .concat([
          'keyctl',
          'perf_event_open',
          'process_vm_readv',
          'process_vm_writev',
          'pidfd_getfd',
          'kexec_load',
          'init_module',
        ])
        .concat([
          'open_by_handle_at',
          'clone3',
          'openat2',
          'personality',
          'chroot',
          'pivot_root',
          'memfd_secret',
          'vfork',
          'fork',
        ]);
      const rules = policyOf(path).rules.filter(
        ({ call, verdict }) => never.includes(call) && verdict.kind === 'allow',
      );
      expect(rules).toEqual([]);
    },
  );
});

it.each(POLICIES)('%s decides any call in few instructions, and the hottest in the fewest', (path) => {
  const policy = policyOf(path);
  const { program } = compilePolicy(policy, { architecture: 'x64', switches: policy.switches, refused: 'kill' });
  const steps = (call: string, args: number[] = []) =>
    traceFilter(program, {
      ...{ number: syscallNumber(call, 'x64') ?? -1, architecture: AUDIT_ARCHITECTURE.x64 },
      args,
    }).steps;
  const every = syscallNames('x64').map((call) => steps(call));
  const hot = ['read', 'write', 'futex', 'ppoll', 'preadv', 'pwritev', 'recvmsg'];
  expect({
    worst: Math.max(...every),
    mean: Math.round((every.reduce((sum, each) => sum + each, 0) / every.length) * 10) / 10,
    'ioctl(KVM_RUN)': steps('ioctl', [3, 0xae80]),
    'mmap(read, write)': steps('mmap', [0, 4096, 3, 0x22]),
    ...Object.fromEntries(hot.map((call) => [call, steps(call)])),
  }).toMatchSnapshot();
  expect(Math.max(...every)).toBeLessThan(40);
});

describe('a filter', () => {
  it('may be longer than a jump reaches', () => {
    const names = syscallNames('x64').filter((name) => name !== 'read');
    const lines = names.map(
      (name, index) => `${name}(arg0 == ${index}, arg1 & 0x${(index * 2 + 3).toString(16)} != 1)`,
    );
    const policy = parsePolicy(['policy long', ...lines].join('\n'));
    const options = { architecture: 'x64', switches: [], refused: 'kill' } as const;
    expect(compilePolicy(policy, options).instructions).toBeGreaterThan(1500);
    expectAgreement(policy, options, randomFrom(3), 5000, 'long');
  });

  it('that the kernel would not take is refused', () => {
    const values = Array.from({ length: BPF_MAX_INSTRUCTIONS }, (_unused, index) => index * 2);
    const policy = parsePolicy(`policy huge\nread(arg0 in { ${values.join(' ')} })`);
    expect(() => compilePolicy(policy, { architecture: 'x64', switches: [], refused: 'kill' })).toThrow(
      /system call policy huge: it takes \d+ instructions, more than the kernel's 4096/,
    );
  });

  it('is not made with a switch the policy does not have', () => {
    const options = { architecture: 'x64', switches: ['nets'], refused: 'kill' } as const;
    expect(() => compilePolicy(parsePolicy('policy p\nread'), options)).toThrow('it has no switch "nets"');
  });

  it('takes few instructions for any call: the tree is balanced', () => {
    const names = syscallNames('x64');
    const { program, instructions } = compilePolicy(
      parsePolicy(['policy p', ...names.filter((_n, i) => i % 2 === 0)].join('\n')),
      {
        architecture: 'x64',
        switches: [],
        refused: 'kill',
      },
    );
    expect(instructions * BPF_INSTRUCTION_BYTES).toBe(program.length);
    expect(instructions).toBeLessThan(names.length * 2);
  });
});
