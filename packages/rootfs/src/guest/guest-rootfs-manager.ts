import { createHash } from 'node:crypto';
import {
  type BaseDiskRecord,
  type BaseDiskStore,
  BoxliteError,
  type DiskStore,
  type ImageSource,
  type Lease,
  type LeaseStore,
  parseBoxId,
  type ResolvedImage,
  SharedTasks,
} from '@boxlite/core';
import { stage } from '@boxlite/layout';
import { agentLayer } from '../agent-layer.js';
import { DEFAULT_DISK_BYTES, ext4Converter } from '../build-image-disk.js';
import { type HeldImageDisk, type ImageDiskCache, layerStreams } from '../cache/image-disk-cache.js';
import type { ImageConverter } from '../image-converter.js';
import { singleBuild } from '../single-build.js';
import { skeletonLayer } from '../skeleton-layer.js';
import { type AgentBinary, checkAgentElf, readAgentBinary } from './agent-binary.js';
import { baseLeaseEntity } from './base-lease.js';
import { collectGuestRootfs } from './collect-guest-rootfs.js';
import { createGuestRootfs, type GuestRootfs } from './guest-rootfs.js';
import { type GuestRootfsUsage, guestRootfsUsage } from './guest-rootfs-usage.js';
import { fileExists, type ReportFailure, RootfsRecords } from './rootfs-records.js';
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

/**
 * A guest rootfs that garbage collection leaves alone until this is released. Record the box's use first, then release.
 */
export interface HeldGuestRootfs extends AsyncDisposable {
  readonly rootfs: GuestRootfs;
  readonly record: BaseDiskRecord;
  /** Commits the reference of a box to this rootfs, in the place of the one an earlier start of the box used. Nothing of the box runs. */
  recordUse(boxId: string): Promise<void>;
  /** Gives the lease back. Idempotent. */
  release(): Promise<void>;
}

/** Room for the guest beside the agent; the disk is sparse and read-only. */
const SKELETON_BYTES = 16 * 1024 ** 2;
/** A start waits so long for a collection that is deciding about the same disk. */
const LEASE_WAIT_MS = 5_000;
/** A disk may be collected between being built and being leased, but not again and again. */
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
    const digest = image?.manifestDigest ?? (await skeletonDigest());
    const key = versionKey(digest, await this.#agentHash());
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const known = await this.#records.lookup(key);
      const record = known.state === 'hit' ? known.record : await this.#build(key, digest, image, signal);
      const held = await this.#hold(record, env, signal);
      if (held !== undefined) return held;
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
        build: () => this.#create(digest, image, shared.signal),
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

  async #create(digest: string, image: ResolvedImage | undefined, signal: AbortSignal): Promise<BaseDiskRecord> {
    const {
      agentPath,
      architecture = process.arch,
      builtInAgentHash,
      tmpDir,
      converter = ext4Converter,
    } = this.#options;
    const expected = await this.#agentHash();
    const agent = await readAgentBinary(agentPath);
    checkAgentElf(agentPath, agent.bytes, architecture);
    if (agent.hash !== expected) {
      if (builtInAgentHash !== undefined) throw wrongAgent(agentPath, expected, agent.hash);
      // The binary was replaced since it was hashed: what is built is named after what goes in.
      const known = await this.#records.lookup(versionKey(digest, agent.hash));
      if (known.state === 'hit') return known.record;
    }
    const staging = await stage(tmpDir);
    try {
      const target = staging.path('guest-rootfs');
      const key = versionKey(digest, agent.hash);
      const layers = image === undefined ? [skeletonLayer()] : layerStreams({ image, ...this.#imageSupport() }, signal);
      const sizeBytes = image === undefined ? skeletonBytes(agent) : DEFAULT_DISK_BYTES;
      await converter.convert({
        layers: [...layers, agentLayer(agent.bytes)],
        target,
        sizeBytes,
        journal: false,
        identity: `${digest} ${agent.hash}`,
        signal,
      });
      return await this.#records.install(target, key, sizeBytes);
    } finally {
      await staging.remove();
    }
  }

  /** Leases a disk; undefined when it has been collected meanwhile. */
  async #hold(
    record: BaseDiskRecord,
    env: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<HeldGuestRootfs | undefined> {
    const { leases, baseDisks } = this.#options;
    const lease = await leases.acquire(baseLeaseEntity(record.id), 'start', { shared: true, ...leaseOptions(signal) });
    try {
      if (!(await fileExists(record.basePath)) || (await baseDisks.get(record.id)) === undefined) {
        await lease.release();
        return undefined;
      }
    } catch (thrown) {
      await lease.release();
      throw thrown;
    }
    const release = () => lease.release();
    return {
      rootfs: createGuestRootfs({
        path: record.basePath,
        strategy: { kind: 'disk', diskPath: record.basePath },
        env,
      }),
      record,
      recordUse: (boxId) => baseDisks.addReference(record.id, parseBoxId(boxId), { replaces: 'rootfs' }),
      release,
      [Symbol.asyncDispose]: release,
    };
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

function leaseOptions(signal: AbortSignal | undefined): { waitMs: number; signal?: AbortSignal } {
  return { waitMs: LEASE_WAIT_MS, ...(signal === undefined ? {} : { signal }) };
}

/** Names the skeleton as if it were an image. */
async function skeletonDigest(): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of skeletonLayer()) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

function skeletonBytes(agent: AgentBinary): number {
  const mib = 1024 ** 2;
  return SKELETON_BYTES + Math.ceil(agent.bytes.length / mib) * mib;
}

function wrongAgent(path: string, expected: string, found: string): BoxliteError {
  return new BoxliteError(
    'agent_invalid',
    `the guest agent ${path} has hash ${found}, this build expects ${expected}`,
    {
      hint: 'rebuild: the agent and the packages that embed its hash are from different builds',
      details: { field: 'agentPath', expected, found },
    },
  );
}
