import type { FilterArchitecture } from '../syscall-numbers.js';
import type { ArgumentCondition, PolicyRule, PolicyVerdict } from './seccomp-policy.js';

/**
 * Makes one rule of neighbours that compare the same argument alone, so that a call with a line for each of forty requests is decided by a tree.
 * The first match still decides.
 */
export function mergeRules(rules: readonly PolicyRule[], architecture: FilterArchitecture): readonly PolicyRule[] {
  const merged: PolicyRule[] = [];
  for (const rule of rules) {
    const last = merged.at(-1);
    const both = last === undefined ? undefined : inOne(last, rule, architecture);
    if (both === undefined) merged.push(rule);
    else merged[merged.length - 1] = both;
  }
  return merged;
}

function inOne(first: PolicyRule, second: PolicyRule, architecture: FilterArchitecture): PolicyRule | undefined {
  const [a, ...moreOfFirst] = first.conditions;
  const [b, ...moreOfSecond] = second.conditions;
  if (a === undefined || b === undefined || moreOfFirst.length > 0 || moreOfSecond.length > 0) return undefined;
  if (!isSame(first.verdict, second.verdict)) return undefined;
  if (a.negated || b.negated || !onSameBits(a, b, architecture)) return undefined;
  return { ...first, conditions: [{ ...a, values: [...a.values, ...b.values] }] };
}

function onSameBits(a: ArgumentCondition, b: ArgumentCondition, architecture: FilterArchitecture): boolean {
  return a.index === b.index && a.bits === b.bits && a.mask?.[architecture] === b.mask?.[architecture];
}

function isSame(a: PolicyVerdict, b: PolicyVerdict): boolean {
  return a.kind === b.kind && (a.kind !== 'errno' || b.kind !== 'errno' || a.errno === b.errno);
}
