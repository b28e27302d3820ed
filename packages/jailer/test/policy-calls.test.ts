import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultStageBPath } from '../src/index.js';
import { filterArchitecture } from '../src/seccomp/filter-architecture.js';
import { activeRules, type CompilePolicyOptions, compilePolicy } from '../src/seccomp/policy/compile-policy.js';
import { parsePolicy } from '../src/seccomp/policy/parse-policy.js';
import type { ArgumentCondition, SeccompPolicy } from '../src/seccomp/policy/seccomp-policy.js';
import { AUDIT_ARCHITECTURE, VERDICT } from '../src/seccomp/seccomp-data.js';
import { syscallName, syscallNames, syscallNumber } from '../src/seccomp/syscall-numbers.js';
import { referenceVerdict } from './reference-verdict.js';

const architecture = filterArchitecture();
const SIGSYS = 31;
/** Refused by the kernel as a pointer, a descriptor, a length. */
const NOTHING = (1n << 64n) - 1n;
/** Linux 6.11 and later let these past every filter and end what calls them outside of the kernel's own trampolines by SIGILL (kernel/seccomp.c). */
const PAST_FILTERS = ['uretprobe', 'uprobe'];
/** No process has this number, where -1 would be all of them. */
const NO_PROCESS = 0x7fff_fffen;

let work: string;
let fixture: string;
beforeAll(() => {
  work = mkdtempSync('/var/tmp/boxlite-policy-calls-');
  chmodSync(work, 0o755);
  fixture = join(work, 'policy-calls');
  execFileSync('make', ['-s', '-C', fileURLToPath(new URL('../native', import.meta.url))]);
  const source = fileURLToPath(new URL('policy-calls.c', import.meta.url));
  execFileSync('musl-gcc', ['-static', '-O1', '-o', fixture, source]);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

interface Call {
  readonly number: number;
  readonly args: readonly bigint[];
}

/** Makes real calls, each in a process behind stage B, under a compiled policy. */
function makeCalls(policy: SeccompPolicy, options: CompilePolicyOptions, calls: readonly Call[]): string[] {
  const filter = join(work, `filter-${policy.name}`);
  writeFileSync(filter, compilePolicy(policy, options).program);
  const stageB = join(work, 'stage-b');
  writeFileSync(stageB, readFileSync(defaultStageBPath()), { mode: 0o755 });
  const input = calls.map(({ number, args }) => [BigInt(number), ...args].map((word) => word.toString(16)).join(' '));
  const run = spawnSync(fixture, ['drive', stageB, filter], { input: `${input.join('\n')}\n`, encoding: 'utf8' });
  expect(run).toMatchObject({ status: 0, stderr: '' });
  return run.stdout.trim().split('\n');
}

function expectVerdicts(
  policy: SeccompPolicy,
  switches: readonly string[],
  calls: readonly Call[],
): Map<string, number> {
  const options: CompilePolicyOptions = { architecture, switches, refused: 'kill' };
  const counts = new Map<string, number>();
  const ends = makeCalls(policy, options, calls);
  expect(ends).toHaveLength(calls.length);
  for (const [index, call] of calls.entries()) {
    const told = `${syscallName(call.number, architecture)}(${call.args.map((word) => `0x${word.toString(16)}`).join(', ')})`;
    const verdict = referenceVerdict(policy, options, { ...call, architecture: AUDIT_ARCHITECTURE[architecture] });
    const kind = verdict === VERDICT.killProcess ? 'killed' : verdict === VERDICT.allow ? 'allowed' : 'refused';
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    if (kind === 'killed') expect(ends[index], told).toBe(`signal ${SIGSYS}`);
    else if (kind === 'allowed') expect(ends[index], told).not.toBe(`signal ${SIGSYS}`);
    else expect(ends[index], told).toBe(`status ${verdict & 0xffff}`);
  }
  return counts;
}

const argsFor = (call: string): bigint[] =>
  Array.from({ length: 6 }, (_unused, index) => (/kill|sigqueue/.test(call) && index < 2 ? NO_PROCESS : NOTHING));

/** Arguments that meet a rule, and for each of its conditions some that miss it by one bit. */
function bothSides(policy: SeccompPolicy, options: CompilePolicyOptions): Call[] {
  return activeRules(policy, options).flatMap(({ call, conditions }) => {
    const number = syscallNumber(call, architecture);
    if (number === undefined || conditions.length === 0) return [];
    const met = argsFor(call);
    for (const condition of conditions) met[condition.index] = meeting(condition)[0] ?? 0n;
    const sides = conditions.flatMap((condition) =>
      [...meeting(condition), ...meeting(condition).flatMap(nearby)].map((value) => met.with(condition.index, value)),
    );
    return [met, ...sides].filter((args) => isHarmless(call, args)).map((args) => ({ number, args }));
  });
}

function meeting({ values, negated }: ArgumentCondition): bigint[] {
  const plain = values.map((value) => value[architecture]);
  return negated ? plain.flatMap((value) => [value, 0n, 1n]) : plain;
}

const nearby = (value: bigint): bigint[] => [value ^ 1n, value ^ 4n, value ^ (1n << 31n), value ^ (1n << 40n)];

/** A new thread or process on no stack ends its process by a crash, which is told apart from SIGSYS; a session of its own would be left. */
const isHarmless = (call: string, args: readonly bigint[]) => call !== 'kill' || args[0] === NO_PROCESS;

const POLICIES: [string, string[]][] = [
  ['vmm-qemu/policy/qemu.policy', ['kvm', 'network']],
  ['vmm-libkrun/policy/libkrun-shim.policy', ['shares', 'tsi', 'network']],
];

describe.each(POLICIES)('under %s, installed by stage B, in real processes', (path, all) => {
  const policy = parsePolicy(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8'));

  it('each system call that the policy does not name kills its process by SIGSYS, and no other does', () => {
    const names = syscallNames(architecture).filter((call) => !PAST_FILTERS.includes(call));
    const calls = names.map((call) => ({
      number: syscallNumber(call, architecture) ?? -1,
      args: argsFor(call),
    }));
    const counts = expectVerdicts(policy, [], calls);
    // x86-64 has 383 and arm64 325.
    expect(counts.get('killed')).toBeGreaterThan(220);
    expect(counts.get('allowed')).toBeGreaterThan(60);
  });

  it.each([[[]], [all]])(
    'arguments decide on both sides of each condition, with the switches %j',
    (switches: string[]) => {
      const options: CompilePolicyOptions = { architecture, switches, refused: 'kill' };
      const counts = expectVerdicts(policy, switches, bothSides(policy, options));
      expect(counts.get('killed')).toBeGreaterThan(50);
      expect(counts.get('allowed')).toBeGreaterThan(20);
    },
  );
});
