/** A decision over one system call: a verdict, or a comparison of 32 bits of `struct seccomp_data` that leads on to one. */
export type BpfNode = BpfVerdict | BpfTest;

export interface BpfVerdict {
  readonly kind: 'return';
  /** SECCOMP_RET_* with its data. */
  readonly value: number;
}

export interface BpfTest {
  readonly kind: 'test';
  /** Which 32 bits: a byte offset, a multiple of 4. */
  readonly offset: number;
  /** Taken before the comparison; absent: all bits. */
  readonly mask?: number;
  readonly comparison: 'jumpEqual' | 'jumpGreaterEqual' | 'jumpSet';
  /** Unsigned. */
  readonly constant: number;
  readonly yes: BpfNode;
  readonly no: BpfNode;
}

/** A stretch of unsigned 32-bit values that lead to the same node; `first` of the next one ends it. */
export interface BpfSegment {
  readonly first: number;
  readonly node: BpfNode;
}

/**
 * Builds a balanced decision tree over the value at `offset`.
 * @param values what leads elsewhere than to `otherwise`
 */
export function decisionTree(
  offset: number,
  mask: number | undefined,
  values: ReadonlyMap<number, BpfNode>,
  otherwise: BpfNode,
): BpfNode {
  return treeOver(offset, mask, segmentsOf(values, otherwise));
}

function segmentsOf(values: ReadonlyMap<number, BpfNode>, otherwise: BpfNode): readonly BpfSegment[] {
  const segments: BpfSegment[] = [{ first: 0, node: otherwise }];
  const begin = (first: number, node: BpfNode) => {
    const last = segments.at(-1);
    if (last?.first === first) segments.pop();
    if (segments.at(-1)?.node !== node) segments.push({ first, node });
  };
  for (const [value, node] of [...values].sort(([a], [b]) => a - b)) {
    begin(value, node);
    if (value < 0xffff_ffff) begin(value + 1, otherwise);
  }
  return segments;
}

function treeOver(offset: number, mask: number | undefined, segments: readonly BpfSegment[]): BpfNode {
  const [first, second, third] = segments;
  if (first === undefined) throw new RangeError('a decision needs at least one outcome');
  if (second === undefined) return first.node;
  const at = { kind: 'test', offset, ...(mask === undefined ? {} : { mask }) } as const;
  const isOneValue = third !== undefined && segments.length === 3 && third.first === second.first + 1;
  if (isOneValue && first.node === third.node) {
    return { ...at, comparison: 'jumpEqual', constant: second.first, yes: second.node, no: first.node };
  }
  // An odd count leaves both sides bounded by the default, where one comparison for equality does for three stretches.
  const half = segments.length >> 1;
  const middle = half % 2 === 0 && half + 1 < segments.length ? half + 1 : half;
  const split = segments[middle] ?? second;
  return {
    ...at,
    comparison: 'jumpGreaterEqual',
    constant: split.first,
    yes: treeOver(offset, mask, segments.slice(middle)),
    no: treeOver(offset, mask, segments.slice(0, middle)),
  };
}
