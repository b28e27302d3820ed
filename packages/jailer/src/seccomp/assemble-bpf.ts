import { BPF, type BpfInstruction, load, returnValue } from './bpf.js';
import type { BpfNode, BpfTest } from './bpf-nodes.js';

/** A conditional jump skips at most this many instructions (8 bits). */
const LONGEST_JUMP = 255;

/**
 * Lays a decision out as a program. Written from its end, since jumps only go forward and a target has to be known: `length - position - 1`
 * instructions lie between an instruction and one that was written before it.
 */
export function assembleBpf(root: BpfNode): readonly BpfInstruction[] {
  const held = accumulatorOnEntry(root);
  const reversed: BpfInstruction[] = [];
  const places = new Map<BpfNode | number, number>();

  const place = (node: BpfNode): number => {
    const key = node.kind === 'return' ? node.value : node;
    const known = places.get(key);
    // A verdict is one instruction: a copy within reach costs no more than a jump to one that is not.
    if (known !== undefined && (node.kind === 'test' || reversed.length - known < LONGEST_JUMP / 2)) return known;
    if (node.kind === 'return') reversed.push(returnValue(node.value));
    else placeTest(node);
    const placed = reversed.length - 1;
    places.set(key, placed);
    return placed;
  };

  const placeTest = (node: BpfTest): void => {
    place(node.no);
    place(node.yes);
    // Placing one may have moved the other's verdict nearer; asked again, each is within reach or gets a jump of its own.
    const no = reach(node.no);
    const yes = reach(node.yes);
    reversed.push({
      code: BPF[node.comparison],
      jumpTrue: reversed.length - yes - 1,
      jumpFalse: reversed.length - no - 1,
      constant: node.constant,
    });
    const holds = held.get(node);
    if (holds === stateAfter(node)) return;
    if (node.mask !== undefined) reversed.push({ code: BPF.and, jumpTrue: 0, jumpFalse: 0, constant: node.mask });
    if (holds !== String(node.offset)) reversed.push(load(node.offset));
  };

  /** Where to jump to for this node: itself, or a longer jump put in between. */
  const reach = (node: BpfNode): number => {
    const target = place(node);
    // One instruction, the other's jump, may still come in between.
    if (reversed.length - target - 1 < LONGEST_JUMP) return target;
    reversed.push({ code: BPF.jump, jumpTrue: 0, jumpFalse: 0, constant: reversed.length - target - 1 });
    return reversed.length - 1;
  };

  place(root);
  return reversed.reverse();
}

/** What the accumulator holds after a test: a word of the data, perhaps masked. */
function stateAfter({ offset, mask }: BpfTest): string {
  return mask === undefined ? String(offset) : `${offset}&${mask}`;
}

/** What it surely holds when a node is come to, by all ways. */
function accumulatorOnEntry(root: BpfNode): ReadonlyMap<BpfNode, string | undefined> {
  const held = new Map<BpfNode, string | undefined>([[root, undefined]]);
  const visited = new Set<BpfNode>();
  const visit = (node: BpfNode): void => {
    if (node.kind === 'return' || visited.has(node)) return;
    visited.add(node);
    for (const next of [node.yes, node.no]) {
      const state = stateAfter(node);
      held.set(next, held.has(next) && held.get(next) !== state ? undefined : state);
      visit(next);
    }
  };
  visit(root);
  return held;
}
