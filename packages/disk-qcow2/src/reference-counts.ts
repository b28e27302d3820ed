/** A count that may stand for any larger one. */
export const MAX_KEPT_COUNT = 0xffff;

/** Counts references to the clusters of a file; saturates at {@link MAX_KEPT_COUNT}, which only damage reaches. */
export class ReferenceCounts {
  readonly #counts: Uint16Array;
  readonly #clusterBytes: number;

  constructor(clusters: number, clusterBytes: number) {
    this.#counts = new Uint16Array(clusters);
    this.#clusterBytes = clusterBytes;
  }

  get clusters(): number {
    return this.#counts.length;
  }

  get(cluster: number): number {
    return this.#counts[cluster] ?? 0;
  }

  set(cluster: number, count: number): void {
    this.#counts[cluster] = Math.min(count, MAX_KEPT_COUNT);
  }

  /**
   * Counts one reference to every cluster that `bytes` at `offset` touch.
   * @returns false when some of them lie outside the file
   */
  add(offset: number, bytes: number): boolean {
    const first = Math.floor(offset / this.#clusterBytes);
    const last = Math.floor((offset + bytes - 1) / this.#clusterBytes);
    for (let cluster = first; cluster <= Math.min(last, this.clusters - 1); cluster++) {
      this.set(cluster, this.get(cluster) + 1);
    }
    return last < this.clusters;
  }
}
