import { createHash } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BoxliteError,
  type Digest,
  digestHex,
  errnoOf,
  type ImageProgress,
  type Lease,
  type LeaseStore,
  SharedTasks,
  type TaskCaller,
  type TaskContext,
  toBoxliteError,
} from '@boxlite/core';
import { installFile, stage, sweepStaging } from '@boxlite/layout';
import { MAX_DOCUMENT_BYTES } from '../documents/parse-document.js';
import { BlobLeases } from './blob-leases.js';
import { BlobSession } from './blob-session.js';
import { openRegularFile, readSmallFile } from './open-regular-file.js';
import { readFileChunks } from './read-file-chunks.js';
import { sha256 } from './sha256.js';
import { type BlobSink, StagedBlob } from './staged-blob.js';

/** Where blobs are kept; a `HomeLayout` of `@boxlite/layout` fits. The directories must exist, on one file system. */
export interface BlobDirectories {
  readonly layersDir: string;
  readonly manifestsDir: string;
  readonly configsDir: string;
  /** Staging. */
  readonly tmpDir: string;
}

export type BlobKind = 'layers' | 'manifests' | 'configs';

/** What is known of a blob before it is there. */
export interface ExpectedBlob {
  readonly digest: Digest;
  readonly size: number;
}

/** Fills a sink with the bytes of a blob. */
export type FillBlob = (sink: BlobSink, context: TaskContext<ImageProgress>) => Promise<void>;

export interface BlobStoreOptions {
  /**
   * Of the home: blobs are then fetched once by all its processes together, and collected only while none of them needs them. Without it each
   * `BlobStore` fetches for itself, and nothing may be collected while it is used.
   */
  readonly leases?: LeaseStore;
}

/**
 * Blobs named by their digest. A name appears only when the bytes behind it were verified: they are written to a private staging
 * directory while they are hashed, synced, and renamed.
 */
export class BlobStore {
  private readonly fetches = new SharedTasks<void, ImageProgress>();
  /** Blobs hashed by this process, with what they looked like then. */
  private readonly hashed = new Map<string, string>();

  private readonly leases: BlobLeases | undefined;

  constructor(
    private readonly directories: BlobDirectories,
    { leases }: BlobStoreOptions = {},
  ) {
    this.leases = leases === undefined ? undefined : new BlobLeases(leases);
  }

  /** The directory of one kind of blobs. */
  directory(kind: BlobKind): string {
    return this.directories[`${kind}Dir`];
  }

  /** The file of a blob, whether it exists or not. */
  path(kind: BlobKind, digest: Digest): string {
    return join(this.directory(kind), `sha256-${digestHex(digest)}`);
  }

  /** True when a blob is there with its size. Says nothing about its bytes, which were verified when it was stored. */
  async has(kind: BlobKind, blob: ExpectedBlob): Promise<boolean> {
    return (await this.look(kind, blob)) !== undefined;
  }

  /**
   * True when a blob is there and hashes to its name. Hashed once in a process unless the file changes.
   * @throws BoxliteError `storage_error`, `aborted`
   */
  async verify(kind: BlobKind, blob: ExpectedBlob, signal?: AbortSignal): Promise<boolean> {
    const appearance = await this.look(kind, blob);
    if (appearance === undefined) return false;
    const path = this.path(kind, blob.digest);
    if (this.hashed.get(path) === appearance) return true;
    if (!(await this.hashesTo(kind, blob.digest, signal))) return false;
    this.hashed.set(path, appearance);
    return true;
  }

  /**
   * Hashes a blob, and removes it when it is not what its name says.
   * @throws BoxliteError `storage_error`, `aborted`
   */
  async discardDamaged(kind: BlobKind, digest: Digest, signal?: AbortSignal): Promise<void> {
    // In turn, or a good one that somebody else has just fetched could be taken for the damaged one.
    await using _turn = await this.leases?.fetch(digest, signal);
    if (!(await this.hashesTo(kind, digest, signal))) await this.remove(kind, digest);
  }

  /**
   * Makes sure a blob is there and verified. Callers that want the same one at the same time share one fetch, also those of other processes:
   * they wait until it has ended, and take over when it has failed.
   * @param fill called when it is missing or damaged
   * @throws BoxliteError `digest_mismatch`, `disk_full`, `storage_error`, `aborted`, and whatever `fill` throws; nothing is left behind
   */
  ensure(kind: BlobKind, blob: ExpectedBlob, fill: FillBlob, caller: TaskCaller<ImageProgress> = {}): Promise<void> {
    const key = `${kind}/${blob.digest}/${blob.size}`;
    return this.fetches.run(key, `fetching blob ${blob.digest}`, caller, async (context) => {
      if (await this.verify(kind, blob, context.signal)) return;
      await using turn = await this.leases?.fetch(blob.digest, context.signal);
      if (turn !== undefined) {
        if (await this.verify(kind, blob, context.signal)) return;
        // Whoever had the turn before may have been killed at it.
        await sweepStaging(this.directories.tmpDir);
      }
      // A damaged one must not outlive a fetch that fails; a good one must outlive an image that lies about its size.
      if (!(await this.hashesTo(kind, blob.digest, context.signal))) await this.remove(kind, blob.digest);
      await this.install(kind, blob, (sink) => fill(sink, context));
    });
  }

  /** Stores a document at hand under its own digest. */
  async putDocument(kind: 'manifests' | 'configs', bytes: Uint8Array): Promise<Digest> {
    const blob = { digest: sha256(bytes), size: bytes.byteLength };
    if (!(await this.verify(kind, blob))) await this.install(kind, blob, (sink) => sink.write(bytes));
    return blob.digest;
  }

  /** The bytes of a document, hashed; undefined when it is missing or damaged. @throws BoxliteError `storage_error` */
  async readDocument(kind: 'manifests' | 'configs', digest: Digest): Promise<Uint8Array | undefined> {
    const bytes = await readSmallFile(this.path(kind, digest), MAX_DOCUMENT_BYTES, `blob ${digest}`);
    return bytes !== undefined && sha256(bytes) === digest ? bytes : undefined;
  }

  /** The stored bytes. @throws BoxliteError `not_found`, `storage_error`, `aborted` */
  async *read(kind: BlobKind, digest: Digest, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    const file = await openRegularFile(this.path(kind, digest), `blob ${digest}`);
    if (file === undefined) {
      throw new BoxliteError('not_found', `blob ${digest} is not in the cache`, {
        hint: 'pull the image again',
        details: { digest },
      });
    }
    yield* readFileChunks(file.handle, signal);
  }

  /**
   * Gives a file a blob's name. The caller has verified its bytes and staged it on the same file system.
   * @throws BoxliteError `storage_error`
   */
  async adopt(kind: BlobKind, digest: Digest, stagedPath: string): Promise<void> {
    await installFile(stagedPath, this.path(kind, digest));
  }

  /**
   * The store for one piece of work: whatever it asks for is not collected before it is disposed of.
   * @param purpose what is done, for those who find a blob in use
   */
  session(purpose: string): BlobSession {
    return new BlobSession(this, this.leases, purpose);
  }

  /** The lease under which a blob may be removed, who needs it in words, or undefined when the store has no leases. */
  async leaseToCollect(digest: Digest): Promise<Lease | string | undefined> {
    return this.leases?.collect(digest);
  }

  /** A private directory to stage in; remove it when done. */
  stage(): ReturnType<typeof stage> {
    return stage(this.directories.tmpDir);
  }

  async remove(kind: BlobKind, digest: Digest): Promise<void> {
    this.hashed.delete(this.path(kind, digest));
    await rm(this.path(kind, digest), { force: true });
  }

  private async hashesTo(kind: BlobKind, digest: Digest, signal?: AbortSignal): Promise<boolean> {
    const hash = createHash('sha256');
    try {
      for await (const chunk of this.read(kind, digest, signal)) hash.update(chunk);
    } catch (thrown) {
      if (BoxliteError.isInstance(thrown, 'not_found')) return false;
      throw thrown;
    }
    return `sha256:${hash.digest('hex')}` === digest;
  }

  private async install(kind: BlobKind, blob: ExpectedBlob, fill: (sink: BlobSink) => Promise<void>): Promise<void> {
    const area = await this.stage();
    try {
      const staged = await StagedBlob.create(area.path('blob'), blob);
      try {
        await fill(staged);
        staged.verify();
      } finally {
        await staged.close();
      }
      await this.adopt(kind, blob.digest, area.path('blob'));
    } catch (thrown) {
      throw toBoxliteError(thrown, 'storage_error', `storing blob ${blob.digest}`);
    } finally {
      await area.remove();
    }
    const appearance = await this.look(kind, blob);
    if (appearance !== undefined) this.hashed.set(this.path(kind, blob.digest), appearance);
  }

  /** What the file looks like, so that a change shows; undefined when it is missing or has another size. */
  private async look(kind: BlobKind, blob: ExpectedBlob): Promise<string | undefined> {
    try {
      const status = await stat(this.path(kind, blob.digest), { bigint: true });
      if (!status.isFile() || status.size !== BigInt(blob.size)) return undefined;
      return `${status.dev}:${status.ino}:${status.size}:${status.mtimeNs}:${status.ctimeNs}`;
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return undefined;
      throw toBoxliteError(thrown, 'storage_error', `looking for blob ${blob.digest}`);
    }
  }
}
