/** Which parts of a raw file hold data; all others read as zeros. */
export class DataMap {
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;

  /** @param parts first byte and byte after the last, ascending, apart */
  constructor(parts: readonly (readonly [number, number])[]) {
    this.#starts = Float64Array.from(parts, ([start]) => start);
    this.#ends = Float64Array.from(parts, ([, end]) => end);
  }

  /**
   * @param offset bytes
   * @param limit most bytes of interest
   */
  at(offset: number, limit: number): { readonly isData: boolean; readonly length: number } {
    const next = this.#firstEndingAfter(offset);
    const start = this.#starts[next];
    const end = this.#ends[next];
    if (start === undefined || end === undefined) return { isData: false, length: limit };
    if (offset < start) return { isData: false, length: Math.min(limit, start - offset) };
    return { isData: true, length: Math.min(limit, end - offset) };
  }

  #firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const RECORD_BYTES = 16;

/**
 * Reads the output of `boxlite-data-map`.
 * @returns undefined when it makes no sense
 */
export function parseDataMap(output: Buffer): DataMap | undefined {
  if (output.length % RECORD_BYTES !== 0) return undefined;
  const parts: [number, number][] = [];
  let last = 0;
  for (let at = 0; at < output.length; at += RECORD_BYTES) {
    const start = Number(output.readBigUInt64LE(at));
    const end = Number(output.readBigUInt64LE(at + 8));
    if (start < last || end <= start || !Number.isSafeInteger(end)) return undefined;
    parts.push([start, end]);
    last = end;
  }
  return new DataMap(parts);
}
