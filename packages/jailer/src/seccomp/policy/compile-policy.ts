import { BoxliteError } from '@boxlite/core';
import { assembleBpf } from '../assemble-bpf.js';
import { BPF_MAX_INSTRUCTIONS, encodeBpf } from '../bpf.js';
import { type BpfNode, decisionTree } from '../bpf-nodes.js';
import { AUDIT_ARCHITECTURE, OFFSET, VERDICT, X32_BIT } from '../seccomp-data.js';
import { type FilterArchitecture, type SyscallName, syscallNumber } from '../syscall-numbers.js';
import { conditionNode } from './condition-node.js';
import { mergeRules } from './merge-rules.js';
import type { PolicyRule, PolicyVerdict, SeccompPolicy } from './seccomp-policy.js';

export interface CompilePolicyOptions {
  readonly architecture: FilterArchitecture;
  /** The switches that are on. */
  readonly switches: readonly string[];
  /**
   * What becomes of a call the policy does not allow: `kill` ends the process by SIGSYS; `notify` stops it until the listener of the filter has
   * been told, for a diagnosis run.
   */
  readonly refused: 'kill' | 'notify';
  /** With `notify`: the descriptor the listener is handed over on; `sendmsg` to it alone is allowed besides the policy. */
  readonly handOverFd?: number;
}

export interface CompiledPolicy {
  /** For `SECCOMP_SET_MODE_FILTER`. */
  readonly program: Uint8Array;
  readonly instructions: number;
  /** System calls with a rule that lets some of them through. */
  readonly calls: number;
  /** Named by the policy and unknown to the architecture. */
  readonly skipped: readonly SyscallName[];
}

/**
 * Compiles a policy for one architecture, a pure function. A foreign architecture and the x32 interface are killed first, then the calls that are
 * hot are compared, then a balanced tree over all numbers decides; arguments are looked at last.
 * @throws BoxliteError `invalid_argument` for a switch the policy does not have, or a policy too long for the kernel (4096 instructions)
 */
export function compilePolicy(policy: SeccompPolicy, options: CompilePolicyOptions): CompiledPolicy {
  const unknown = options.switches.find((name) => !policy.switches.includes(name));
  if (unknown !== undefined) throw refuse(policy, `it has no switch ${JSON.stringify(unknown)}`);
  const { architecture } = options;
  const calls = byCall(activeRules(policy, options));
  const refused: BpfNode = { kind: 'return', value: options.refused === 'kill' ? VERDICT.killProcess : VERDICT.notify };
  const nodes = new Map<number, BpfNode>();
  const skipped = new Set<SyscallName>();
  for (const [call, ofCall] of calls) {
    const number = syscallNumber(call, architecture);
    if (number === undefined) skipped.add(call);
    else nodes.set(number, callNode(ofCall, architecture, refused));
  }
  const program = assembleBpf(rootNode(policy, options, nodes, refused));
  if (program.length > BPF_MAX_INSTRUCTIONS) {
    throw refuse(policy, `it takes ${program.length} instructions, more than the kernel's ${BPF_MAX_INSTRUCTIONS}`);
  }
  return {
    program: encodeBpf(program),
    instructions: program.length,
    calls: [...calls].filter(([call, ofCall]) => !skipped.has(call) && ofCall.some(allows)).length,
    skipped: [...skipped],
  };
}

/** The rules that apply to an architecture with these switches, in their order. */
export function activeRules(
  policy: SeccompPolicy,
  { architecture, switches, refused, handOverFd }: CompilePolicyOptions,
): readonly PolicyRule[] {
  const rules = policy.rules.filter(
    ({ architectures, onlyIf }) =>
      architectures.includes(architecture) && (onlyIf === undefined || switches.includes(onlyIf.name) === onlyIf.on),
  );
  if (refused === 'kill' || handOverFd === undefined) return rules;
  const fd = { x64: BigInt(handOverFd), arm64: BigInt(handOverFd) };
  const handOver: PolicyRule = {
    call: 'sendmsg',
    line: 0,
    architectures: [architecture],
    conditions: [{ index: 0, bits: 32, values: [fd], negated: false }],
    verdict: { kind: 'allow' },
  };
  return [handOver, ...rules];
}

function rootNode(
  { hot }: SeccompPolicy,
  { architecture }: CompilePolicyOptions,
  nodes: ReadonlyMap<number, BpfNode>,
  refused: BpfNode,
): BpfNode {
  const kill: BpfNode = { kind: 'return', value: VERDICT.killProcess };
  const onNumber = { kind: 'test', offset: OFFSET.number } as const;
  let root = decisionTree(OFFSET.number, undefined, nodes, refused);
  for (const call of [...hot].reverse()) {
    const number = syscallNumber(call, architecture);
    const yes = number === undefined ? undefined : nodes.get(number);
    if (number !== undefined && yes !== undefined) {
      root = { ...onNumber, comparison: 'jumpEqual', constant: number, yes, no: root };
    }
  }
  if (architecture === 'x64') {
    root = { ...onNumber, comparison: 'jumpGreaterEqual', constant: X32_BIT, yes: kill, no: root };
  }
  const own = AUDIT_ARCHITECTURE[architecture];
  return { kind: 'test', offset: OFFSET.architecture, comparison: 'jumpEqual', constant: own, yes: root, no: kill };
}

function byCall(rules: readonly PolicyRule[]): ReadonlyMap<SyscallName, readonly PolicyRule[]> {
  const calls = new Map<SyscallName, PolicyRule[]>();
  for (const rule of rules) {
    const known = calls.get(rule.call);
    if (known === undefined) calls.set(rule.call, [rule]);
    else known.push(rule);
  }
  return calls;
}

/** Asks one rule after the other, each with all its conditions. */
function callNode(rules: readonly PolicyRule[], architecture: FilterArchitecture, refused: BpfNode): BpfNode {
  let node = refused;
  for (const rule of [...mergeRules(rules, architecture)].reverse()) {
    const otherwise = node;
    node = verdictNode(rule.verdict, refused);
    for (const condition of [...rule.conditions].reverse())
      node = conditionNode(condition, architecture, node, otherwise);
  }
  return node;
}

const ALLOW: BpfNode = { kind: 'return', value: VERDICT.allow };

function verdictNode(verdict: PolicyVerdict, refused: BpfNode): BpfNode {
  if (verdict.kind === 'allow') return ALLOW;
  return verdict.kind === 'kill' ? refused : { kind: 'return', value: VERDICT.errno(verdict.errno) };
}

function allows({ verdict }: PolicyRule): boolean {
  return verdict.kind === 'allow';
}

function refuse({ name }: SeccompPolicy, reason: string): BoxliteError {
  return new BoxliteError('invalid_argument', `system call policy ${name}: ${reason}`, {
    details: { field: 'seccompPolicy', policy: name },
  });
}
