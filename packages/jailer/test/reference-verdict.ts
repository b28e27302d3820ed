import { activeRules, type CompilePolicyOptions } from '../src/seccomp/policy/compile-policy.js';
import type { ArgumentCondition, SeccompPolicy } from '../src/seccomp/policy/seccomp-policy.js';
import { AUDIT_ARCHITECTURE, VERDICT, X32_BIT } from '../src/seccomp/seccomp-data.js';
import { syscallNumber } from '../src/seccomp/syscall-numbers.js';
import type { SyscallData } from './bpf-interpreter.js';

/** What a policy says of one system call, read rule by rule: what the compiled filter is compared with. */
export function referenceVerdict(policy: SeccompPolicy, options: CompilePolicyOptions, data: SyscallData): number {
  const { architecture } = options;
  if (data.architecture !== AUDIT_ARCHITECTURE[architecture]) return VERDICT.killProcess;
  if (architecture === 'x64' && data.number >= X32_BIT) return VERDICT.killProcess;
  const refused = options.refused === 'kill' ? VERDICT.killProcess : VERDICT.notify;
  for (const { call, conditions, verdict } of activeRules(policy, options)) {
    if (syscallNumber(call, architecture) !== data.number) continue;
    if (!conditions.every((condition) => holds(condition, options, data))) continue;
    if (verdict.kind === 'allow') return VERDICT.allow;
    return verdict.kind === 'kill' ? refused : VERDICT.errno(verdict.errno);
  }
  return refused;
}

function holds(
  condition: ArgumentCondition,
  { architecture }: CompilePolicyOptions,
  { args = [] }: SyscallData,
): boolean {
  const value = BigInt.asUintN(condition.bits, BigInt(args[condition.index] ?? 0));
  const compared = condition.mask === undefined ? value : value & condition.mask[architecture];
  return condition.values.some((one) => one[architecture] === compared) !== condition.negated;
}
