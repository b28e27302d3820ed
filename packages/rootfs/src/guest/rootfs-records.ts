import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type BaseDiskId,
  type BaseDiskRecord,
  type BaseDiskStore,
  errnoOf,
  type LeaseStore,
  toBoxliteError,
} from '@boxlite/core';
import { createBaseDiskId, installFile, installNew } from '@boxlite/layout';
import { baseLeaseEntity } from './base-lease.js';
import { GLOBAL_SOURCE } from './version-key.js';

/** Told about failures that do not stop the work, for a log at debug level. */
export type ReportFailure = (what: string, reason: unknown) => void;

/** What {@link RootfsRecords} needs. */
export interface RootfsRecordsOptions {
  readonly basesDir: string;
  readonly baseDisks: BaseDiskStore;
  readonly leases: LeaseStore;
  readonly report: ReportFailure;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What is known about a version. */
export type Lookup =
  | { readonly state: 'hit'; readonly record: BaseDiskRecord }
  /** `kept`: a record without a file that could not be deleted because boxes refer to it. */
  | { readonly state: 'miss'; readonly kept?: BaseDiskRecord };

/** Guest rootfs disks and their records, which are kept in step: file first in, file first out. */
export class RootfsRecords {
  readonly #options: RootfsRecordsOptions;

  constructor(options: RootfsRecordsOptions) {
    this.#options = options;
  }

  /**
   * A hit has a record and a file. A record without a file is deleted and counts as a miss, and so does a store that fails: the worst that
   * comes of it is a disk built twice.
   */
  async lookup(key: string): Promise<Lookup> {
    const { baseDisks, report } = this.#options;
    let record: BaseDiskRecord | undefined;
    try {
      record = await baseDisks.findByName(GLOBAL_SOURCE, key);
      if (record === undefined || record.kind !== 'rootfs') return { state: 'miss' };
      if (await fileExists(record.basePath)) return { state: 'hit', record };
    } catch (thrown) {
      report(`looking up guest rootfs ${key}`, thrown);
      return { state: 'miss' };
    }
    try {
      await baseDisks.delete(record.id);
      return { state: 'miss' };
    } catch (thrown) {
      report(`deleting the record of guest rootfs ${key}, whose file is missing`, thrown);
      return { state: 'miss', kept: record };
    }
  }

  /**
   * Installs a staged disk as `bases/<id>.ext4` and records it. When another process was first, its entry is returned and the staged
   * disk is left to be removed with its directory.
   * @throws BoxliteError what inserting threw, when there is no other entry; our file is gone then
   */
  async install(staged: string, key: string, sizeBytes: number): Promise<BaseDiskRecord> {
    const { basesDir, leases } = this.#options;
    const found = await this.lookup(key);
    if (found.state === 'hit') return found.record;
    await makeDirectory(basesDir);
    if (found.kept !== undefined) {
      // The same key means the same bytes: boxes that refer to the record get their file back.
      await installNew(staged, found.kept.basePath);
      return found.kept;
    }
    const id: BaseDiskId = createBaseDiskId();
    // Between rename and record the disk looks like one a crash left behind; the lease tells a collection that it is not.
    const lease = await leases.acquire(baseLeaseEntity(id), 'install', { shared: true });
    try {
      return await this.#record(staged, key, id, sizeBytes);
    } finally {
      await lease.release();
    }
  }

  async #record(staged: string, key: string, id: BaseDiskId, sizeBytes: number): Promise<BaseDiskRecord> {
    const { basesDir, baseDisks, now } = this.#options;
    const basePath = join(basesDir, `${id}.ext4`);
    await installFile(staged, basePath);
    const record: BaseDiskRecord = {
      id,
      sourceBoxId: GLOBAL_SOURCE,
      name: key,
      kind: 'rootfs',
      basePath,
      containerDiskBytes: 0,
      sizeBytes,
      createdAt: Math.floor(now() / 1000),
    };
    try {
      await baseDisks.insert(record);
      return record;
    } catch (thrown) {
      await rm(basePath, { force: true });
      const theirs = await this.lookup(key);
      if (theirs.state === 'hit') return theirs.record;
      throw toBoxliteError(thrown, 'database_error', `recording guest rootfs ${key}`);
    }
  }
}

/** @throws the system's error for anything but a missing file */
export async function fileExists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `making ${path}`);
  }
}
