import { type BpfNode, decisionTree } from '../bpf-nodes.js';
import { OFFSET } from '../seccomp-data.js';
import type { FilterArchitecture } from '../syscall-numbers.js';
import type { ArgumentCondition } from './seccomp-policy.js';

const LOW = 0xffff_ffffn;
/** Values of a set that are compared one by one before a tree takes over: the first ones written are the ones that matter. */
const COMPARED_FIRST = 2;

/** A condition as comparisons of 32 bits: the upper half first, where the kernel looks at it. */
export function conditionNode(
  condition: ArgumentCondition,
  architecture: FilterArchitecture,
  holds: BpfNode,
  fails: BpfNode,
): BpfNode {
  const [yes, no] = condition.negated ? [fails, holds] : [holds, fails];
  const mask = condition.mask?.[architecture];
  const values = [...new Set(condition.values.map((value) => value[architecture]))];
  const low = OFFSET.argument(condition.index);
  if (condition.bits === 32) return inSet(low, maskHalf(mask, 0n), values.map(Number), yes, no);
  const highMask = maskHalf(mask, 32n);
  const ofLow = (high: bigint) =>
    inSet(
      low,
      maskHalf(mask, 0n),
      values.filter((value) => value >> 32n === high).map((value) => Number(value & LOW)),
      yes,
      no,
    );
  // Values have no bits outside the mask, so that without one above nothing there is compared.
  if (highMask === 0) return ofLow(0n);
  const highs = [...new Set(values.map((value) => value >> 32n))];
  return decisionTree(low + 4, highMask, new Map(highs.map((high) => [Number(high), ofLow(high)])), no);
}

function maskHalf(mask: bigint | undefined, shift: bigint): number | undefined {
  if (mask === undefined) return undefined;
  const half = Number((mask >> shift) & LOW);
  return half === 0xffff_ffff ? undefined : half;
}

function inSet(
  offset: number,
  mask: number | undefined,
  values: readonly number[],
  yes: BpfNode,
  no: BpfNode,
): BpfNode {
  // Of no bits there is only the value 0.
  if (mask === 0) return yes;
  const [only] = values;
  // "None of these bits" and "this bit" are one instruction on the whole word, which leaves the word as it is.
  if (mask !== undefined && values.length === 1 && (only === 0 || (only === mask && (mask & (mask - 1)) === 0))) {
    const [isSet, isClear] = only === 0 ? [no, yes] : [yes, no];
    return { kind: 'test', offset, comparison: 'jumpSet', constant: mask, yes: isSet, no: isClear };
  }
  const first = values.slice(0, COMPARED_FIRST);
  let node = decisionTree(offset, mask, new Map(values.slice(COMPARED_FIRST).map((value) => [value, yes])), no);
  for (const constant of first.reverse()) {
    node = {
      kind: 'test',
      offset,
      ...(mask === undefined ? {} : { mask }),
      comparison: 'jumpEqual',
      constant,
      yes,
      no: node,
    };
  }
  return node;
}
