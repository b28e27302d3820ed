import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { sweepStaging } from '@boxlite/layout';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { collectDiskBases } from '../snapshot/collect-disk-bases.js';
import { allocatedBytes, namesIn } from './allocated-bytes.js';
import { type DiskUsage, diskUsage } from './disk-usage.js';
import { type PrunePlan, type PruneRules, planPrune, totalBytes } from './plan-prune.js';
import { readSnapshot } from './read-snapshot.js';
import { removeKernels } from './remove-kernels.js';
import { type Counted, type Removed, removePlanned } from './remove-planned.js';
import { removeTemplates } from './remove-templates.js';

/** How a home is tidied up. */
export interface PruneOptions {
  /** Also images that no box was made from, with their disks. Default false: only what belongs to no image. */
  readonly all?: boolean;
  /** Only what was not used since then; of blobs that no image needs, those that were stored before. */
  readonly until?: Date;
  /** Says what would be removed, and removes nothing. Default false. */
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** What a prune removed, or would. */
export interface PruneReport extends Removed {
  readonly dryRun: boolean;
  /** Disks with the agents of earlier versions that no box needs. */
  readonly guestRootfs: Counted;
  readonly kernels: Counted;
  /** Of instant starts: those no box can start from any more, with `all` every one. */
  readonly templates: Counted;
  /** Disks of removed snapshots and of forks that nothing stands on any more. */
  readonly snapshots: Counted;
  /** What processes that are gone have left unfinished. */
  readonly staging: Counted;
  readonly freedBytes: number;
}

/** Another collection, or a recovery after a reboot, is waited for so long, in milliseconds. */
const LEASE_WAIT_MS = 10_000;

/** What a home takes on disk, and how to get some of it back. */
export class HomeStorage {
  readonly #services: RuntimeServices;

  /** @internal */
  constructor(services: RuntimeServices) {
    this.#services = services;
  }

  /** What takes how much room: blocks on disk, not apparent sizes. @throws BoxliteError `storage_error` */
  async df(): Promise<DiskUsage> {
    this.#services.lifetime.throwIfAborted();
    return diskUsage(await readSnapshot(this.#services));
  }

  /**
   * Removes what nothing in this home needs: never a box, stopped or not, nor what a box stands on, nor what any process is pulling, building or
   * starting from.
   * @throws BoxliteError `invalid_argument`, `lease_held` when another process is collecting for longer than ten seconds, `storage_error`,
   *   `aborted`
   */
  async prune(options: PruneOptions = {}): Promise<PruneReport> {
    const { dryRun = false, signal } = options;
    this.#services.lifetime.throwIfAborted();
    signal?.throwIfAborted();
    const rules = pruneRules(options);
    if (dryRun) return reportOf(planPrune(await readSnapshot(this.#services), rules));
    const lease = await this.#services.store.leases.acquire('home', 'gc', {
      waitMs: LEASE_WAIT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    try {
      const plan = planPrune(await readSnapshot(this.#services), rules);
      const removed = await removePlanned(this.#services, plan, { homeLease: lease, olderThan: rules.until, signal });
      const parts = {
        ...removed,
        guestRootfs: await this.#collectGuestRootfs(() => this.#services.collectGuestRootfs(lease)),
        kernels: counted(await removeKernels(this.#services, plan.kernels)),
        templates: counted(await removeTemplates(this.#services, plan.templates)),
        snapshots: await this.#collectDiskBases(plan),
        staging: await this.#sweepStaging(),
      };
      return { dryRun: false, ...parts, freedBytes: freed(parts) };
    } finally {
      await lease.release();
    }
  }

  /** What it frees is what the directory holds less afterwards: which disks go is decided under their leases. */
  async #collectGuestRootfs(collect: () => Promise<number>): Promise<Counted> {
    const { basesDir } = this.#services.layout;
    const before = await allocatedBytes(basesDir);
    const count = await collect();
    return { count, bytes: count === 0 ? 0 : Math.max(0, before - (await allocatedBytes(basesDir))) };
  }

  async #collectDiskBases({ snapshots }: PrunePlan): Promise<Counted> {
    const { length } = await collectDiskBases(this.#services);
    return { count: length, bytes: length === 0 ? 0 : totalBytes(snapshots) };
  }

  async #sweepStaging(): Promise<Counted> {
    const { tmpDir } = this.#services.layout;
    const before = new Map<string, number>();
    for (const name of await namesIn(tmpDir)) before.set(name, await allocatedBytes(join(tmpDir, name)));
    const removed = await sweepStaging(tmpDir);
    return { count: removed.length, bytes: removed.reduce((sum, name) => sum + (before.get(name) ?? 0), 0) };
  }
}

/** @throws BoxliteError `invalid_argument` (field `until`) for a date that is none */
export function pruneRules({ all = false, until }: PruneOptions): PruneRules {
  if (until === undefined) return { all, until: Number.POSITIVE_INFINITY };
  const moment = until.getTime();
  if (Number.isFinite(moment)) return { all, until: moment };
  throw new BoxliteError('invalid_argument', 'prune options: until: is not a date', {
    hint: 'give a valid Date, or leave it out',
    details: { field: 'until' },
  });
}

function reportOf(plan: PrunePlan): PruneReport {
  const parts = {
    images: plan.images.map(({ reference }) => reference),
    blobs: counted(plan.blobs),
    imageDisks: counted(plan.imageDisks),
    guestRootfs: counted(plan.guestRootfs),
    kernels: counted(plan.kernels),
    templates: counted(plan.templates),
    snapshots: counted(plan.snapshots),
    // Unfinished work of processes that are gone is swept when a home is opened.
    staging: { count: 0, bytes: 0 },
  };
  return { dryRun: true, ...parts, freedBytes: freed(parts) };
}

function counted(items: readonly { readonly bytes: number }[]): Counted {
  return { count: items.length, bytes: totalBytes(items) };
}

function freed(parts: Omit<PruneReport, 'dryRun' | 'freedBytes'>): number {
  return totalBytes([
    parts.blobs,
    parts.imageDisks,
    parts.guestRootfs,
    parts.kernels,
    parts.templates,
    parts.snapshots,
    parts.staging,
  ]);
}
