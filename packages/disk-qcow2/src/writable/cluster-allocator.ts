import { diskInvalid } from '../disk-errors.js';
import type { MetadataClusters } from './metadata-clusters.js';
import type { Refcounts } from './refcounts.js';

/** Clusters one after another. */
export interface ClusterRun {
  readonly first: number;
  readonly count: number;
}

/** Counts looked at for free clusters before the file is made longer instead; in all, and for one allocation. */
const MAX_SCANNED = 2 ** 26;
const MAX_SCANNED_AT_ONCE = 2 ** 16;
/** Clusters that wait to be freed before everything is written to free them. */
const MAX_PENDING = 65_536;

/** Gives out clusters and takes them back. */
export class ClusterAllocator {
  readonly #refcounts: Refcounts;
  readonly #metadata: MetadataClusters;
  readonly #path: string;
  readonly #scanEnd: number;
  #scanned = 0;
  readonly #free: { first: number; count: number }[] = [];
  #pending: number[] = [];

  /** @param path for messages */
  constructor(refcounts: Refcounts, metadata: MetadataClusters, path: string) {
    this.#refcounts = refcounts;
    this.#metadata = metadata;
    this.#path = path;
    this.#scanEnd = Math.min(refcounts.end, MAX_SCANNED);
  }

  get isFull(): boolean {
    return this.#pending.length >= MAX_PENDING;
  }

  get hasPending(): boolean {
    return this.#pending.length > 0;
  }

  /** @returns one to `most` clusters in a row, each counted once */
  async allocate(most: number): Promise<ClusterRun> {
    const run = (await this.#takeFree(most)) ?? { first: await this.#refcounts.append(most), count: most };
    for (let cluster = run.first; cluster < run.first + run.count; cluster++) {
      if (this.#metadata.has(cluster)) {
        throw diskInvalid(this.#path, 'refcount', `cluster ${cluster} holds a table, and its reference count is 0`);
      }
      await this.#refcounts.set(cluster, 1);
    }
    return run;
  }

  /** One reference less, as soon as nothing durable names the cluster: until then it is not given out again. */
  release(cluster: number): void {
    this.#pending.push(cluster);
  }

  /** Everything that named the released clusters is durable without them. */
  async applyReleases(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    for (const cluster of pending) {
      const isScanAhead = cluster >= this.#scanned && cluster < this.#scanEnd;
      if ((await this.#refcounts.change(cluster, -1)) === 0 && !isScanAhead) this.#addFree(cluster);
    }
  }

  async #takeFree(most: number): Promise<ClusterRun | undefined> {
    if (this.#free.length === 0) await this.#scan();
    const run = this.#free[0];
    if (run === undefined) return undefined;
    const count = Math.min(most, run.count);
    const taken = { first: run.first, count };
    run.first += count;
    run.count -= count;
    if (run.count === 0) this.#free.shift();
    return taken;
  }

  /** Looks for free clusters between those in use, a part of the file at a time. */
  async #scan(): Promise<void> {
    const stop = Math.min(this.#scanEnd, this.#scanned + MAX_SCANNED_AT_ONCE);
    while (this.#scanned < stop) {
      const cluster = this.#scanned++;
      if ((await this.#refcounts.get(cluster)) === 0) this.#addFree(cluster);
      else if (this.#free.length > 0) return;
    }
  }

  #addFree(cluster: number): void {
    const last = this.#free.at(-1);
    if (last !== undefined && last.first + last.count === cluster) last.count++;
    else this.#free.push({ first: cluster, count: 1 });
  }
}
