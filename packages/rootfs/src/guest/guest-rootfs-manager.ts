import {
  type BaseDiskRecord,
  type BaseDiskStore,
  BoxliteError,
  type DiskStore,
  type ImageSource,
  type Lease,
  type LeaseStore,
  type ResolvedImage,
  SharedTasks,
} from '@boxlite/core';
import { type HeldImageDisk, type ImageDiskCache, layerStreams } from '../cache/image-disk-cache.js';
import type { ImageConverter } from '../image-converter.js';
import { singleBuild } from '../single-build.js';
import { SKELETON_DIGEST } from '../skeleton-layer.js';
import { readAgentBinary } from './agent-binary.js';
import { BASE_LEASE_WAIT_MS, versionLeaseEntity } from './base-lease.js';
import { collectGuestRootfs } from './collect-guest-rootfs.js';
import { createGuestRootfsDisk } from './create-guest-rootfs-disk.js';
import { type GuestRootfsUsage, guestRootfsUsage } from './guest-rootfs-usage.js';
import { type HeldGuestRootfs, holdGuestRootfs } from './hold-guest-rootfs.js';
import { type ReportFailure, RootfsRecords } from './rootfs-records.js';
import { versionKey } from './version-key.js';

/** What a manager works with. Directories are those of one home. */
export interface GuestRootfsManagerOptions {
  readonly basesDir: string;
  readonly boxesDir: string;
  /** Must exist, on the file system of `basesDir`. */
  readonly tmpDir: string;
  readonly baseDisks: BaseDiskStore;
  readonly leases: LeaseStore;
  /** Reads which file a box overlay is backed by. */
  readonly diskStore: Pick<DiskStore, 'backingPath'>;
  /** The static agent binary on the host. */
  readonly agentPath: string;
  /** SHA-256 of the agent this build was made with, hexadecimal; without it whatever is at `agentPath` is taken. */
  readonly builtInAgentHash?: string;
  /** As `process.arch` names it; default: of this process. */
  readonly architecture?: string;
  /** Needed for guest rootfs made from images; the skeleton needs neither. */
  readonly images?: { readonly cache: ImageDiskCache; readonly source: Pick<ImageSource, 'openLayer'> };
  readonly converter?: ImageConverter;
  readonly report?: ReportFailure;
  readonly now?: () => number;
}

/** A disk whose agent was replaced in between is of another version than was leased, and may be collected before its own lease is taken. */
const ATTEMPTS = 3;

/** Guest rootfs disks with the agent in them, one a combination of image and agent, shared by all boxes of a home. */
export class GuestRootfsManager {
  readonly #options: GuestRootfsManagerOptions;
  readonly #report: ReportFailure;
  readonly #records: RootfsRecords;
  readonly #builds = new SharedTasks<BaseDiskRecord>();
  #expectedHash: Promise<string> | undefined;

  constructor(options: GuestRootfsManagerOptions) {
    this.#options = options;
    this.#report = options.report ?? (() => undefined);
    const { basesDir, baseDisks, leases, now = Date.now } = options;
    this.#records = new RootfsRecords({ basesDir, baseDisks, leases, now, report: this.#report });
  }

  /**
   * The guest rootfs of an image, or of the skeleton when there is none, built on first use.
   * @param env of the agent; no part of what is cached
   * @throws BoxliteError `agent_invalid`, and what building a disk throws (`buildImageDisk`)
   */
  async getOrCreate(
    image?: ResolvedImage,
    env: Readonly<Record<string, string>> = {},
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<HeldGuestRootfs> {
    // Held as long as anything is made from the image: a disk of it is what garbage collection goes by.
    const pure = image === undefined ? undefined : await this.#ensureImageDisk(image, signal);
    try {
      return await this.#getOrCreate(image, env, signal);
    } finally {
      await pure?.release();
    }
  }

  /** Every guest rootfs disk of the home, and which boxes refer to it. */
  async usage(): Promise<readonly GuestRootfsUsage[]> {
    return guestRootfsUsage(this.#options.baseDisks, await this.#knownHash());
  }

  /**
   * Removes guest rootfs disks nobody needs.
   * @param options.homeLease the exclusive home lease, if the caller holds it already
   * @returns how many were removed
   * @throws BoxliteError `lease_held` when another process holds the home
   */
  async gc(options: { readonly homeLease?: Lease } = {}): Promise<number> {
    const lease = options.homeLease ?? (await this.#options.leases.acquire('home', 'gc'));
    try {
      return await collectGuestRootfs({ ...this.#options, report: this.#report, agentHash: await this.#knownHash() });
    } finally {
      if (options.homeLease === undefined) await lease.release();
    }
  }

  #ensureImageDisk(image: ResolvedImage, signal: AbortSignal | undefined): Promise<HeldImageDisk> {
    const { cache, source } = this.#imageSupport();
    return cache.ensure({ image, source, signal });
  }

  async #getOrCreate(
    image: ResolvedImage | undefined,
    env: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<HeldGuestRootfs> {
    const digest = image?.manifestDigest ?? SKELETON_DIGEST;
    const key = versionKey(digest, await this.#agentHash());
    const lease = await this.#options.leases.acquire(versionLeaseEntity(key), 'start', {
      shared: true,
      waitMs: BASE_LEASE_WAIT_MS,
      ...(signal === undefined ? {} : { signal }),
    });
    try {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const known = await this.#records.lookup(key);
        const record = known.state === 'hit' ? known.record : await this.#build(key, digest, image, signal);
        const held = await holdGuestRootfs(this.#options, { record, env, signal });
        if (held !== undefined) return held;
      }
    } finally {
      await lease.release();
    }
    throw new BoxliteError('storage_error', `guest rootfs ${key} disappears as soon as it is made`, {
      hint: 'check what else removes files from the bases directory of the BoxLite home',
      details: { key },
    });
  }

  /** Once, however many callers of however many processes want it. */
  #build(
    key: string,
    digest: string,
    image: ResolvedImage | undefined,
    signal: AbortSignal | undefined,
  ): Promise<BaseDiskRecord> {
    return this.#builds.run(key, `building guest rootfs ${key}`, { signal }, (shared) =>
      singleBuild({
        leases: this.#options.leases,
        entity: `guest-rootfs-build:${key}`,
        signal: shared.signal,
        find: async () => {
          const found = await this.#records.lookup(key);
          return found.state === 'hit' ? found.record : undefined;
        },
        build: async () =>
          createGuestRootfsDisk(this.#options, this.#records, {
            digest,
            expectedHash: await this.#agentHash(),
            layers: image === undefined ? undefined : layerStreams({ image, ...this.#imageSupport() }, shared.signal),
            signal: shared.signal,
          }),
      }),
    );
  }

  /** Computed once; a failure is remembered as well. */
  #agentHash(): Promise<string> {
    this.#expectedHash ??= this.#computeHash();
    return this.#expectedHash;
  }

  async #computeHash(): Promise<string> {
    return this.#options.builtInAgentHash ?? (await readAgentBinary(this.#options.agentPath)).hash;
  }

  async #knownHash(): Promise<string | undefined> {
    try {
      return await this.#agentHash();
    } catch (thrown) {
      this.#report('hashing the guest agent', thrown);
      return undefined;
    }
  }

  #imageSupport(): NonNullable<GuestRootfsManagerOptions['images']> {
    const { images } = this.#options;
    if (images !== undefined) return images;
    throw new BoxliteError('invalid_argument', 'this guest rootfs manager was made without an image source', {
      hint: 'pass `images` to its constructor, or ask for the skeleton',
      details: { field: 'images' },
    });
  }
}
