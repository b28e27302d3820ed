import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, errnoOf, type Lease, type LeaseStore, toBoxliteError, type VmmSnapshot } from '@boxlite/core';
import { type HomeLayout, type StagingArea, stage, syncDirectory } from '@boxlite/layout';
import { allocatedBytes, namesIn } from '../storage/allocated-bytes.js';
import { checkLargeFile, checkSnapshotContent, invalid } from './snapshot-files.js';
import { isTemplateKey } from './template-key.js';
import { parseTemplateRecord, type TemplateRecord } from './template-record.js';

const RECORD_NAME = 'template.json';
const MAX_RECORD_BYTES = 1024 * 1024;

/** What the lease entities of templates begin with. */
export const TEMPLATE_LEASE_PREFIX = 'template:';

/** A template that nobody removes until it is released. */
export interface HeldTemplate {
  readonly key: string;
  readonly files: VmmSnapshot;
  /** Of a template of one image: what each box gets a copy of. */
  readonly disk?: string;
  readonly record: TemplateRecord;
  /** Notes its use, and gives the lease back. Never fails. */
  release(): Promise<void>;
}

/** A template as it lies in the home. */
export interface StoredTemplate {
  readonly key: string;
  readonly directory: string;
  /** Bytes on disk. */
  readonly bytes: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  /** Undefined when it cannot be read. */
  readonly record: TemplateRecord | undefined;
  /** Why it cannot be used. */
  readonly problem: string | undefined;
}

/** What a store of templates works with. */
export interface TemplateStoreOptions {
  readonly layout: Pick<HomeLayout, 'templatesDir' | 'tmpDir'>;
  readonly leases: LeaseStore;
  /** Told of what could not be done and is no failure. */
  readonly report: (what: string, cause: unknown) => void;
}

/**
 * The templates of a home: `templates/<key>/{memory,state,template.json}`, and `disk.qcow2` or `disk.raw` of one for an image, each made aside and put in its place whole. Who starts from one holds a shared
 * lease until the machine has its files open; who removes one needs it alone.
 */
export class TemplateStore {
  readonly #layout: TemplateStoreOptions['layout'];
  readonly #leases: LeaseStore;
  readonly #report: TemplateStoreOptions['report'];

  constructor({ layout, leases, report }: TemplateStoreOptions) {
    this.#layout = layout;
    this.#leases = leases;
    this.#report = report;
  }

  /** True when there is a template of this key, whole or not. */
  has(key: string): boolean {
    return existsSync(this.#recordFile(key));
  }

  /**
   * A template to start from; undefined when there is none, or somebody is removing it.
   * @throws BoxliteError `snapshot_invalid` when it is there and cannot be used
   */
  async hold(key: string): Promise<HeldTemplate | undefined> {
    if (!this.has(key)) return undefined;
    const lease = await this.#lease(key, 'start', true);
    if (lease === undefined) return undefined;
    try {
      const record = this.#read(key);
      const files = this.#files(key);
      this.#check(key, record);
      const disk = record.image === undefined ? {} : { disk: templateDisk(this.#directory(key), record.image) };
      return { key, files, ...disk, record, release: () => this.#letGo(key, lease) };
    } catch (thrown) {
      await lease.release();
      throw thrown;
    }
  }

  /** A private directory to capture into, and the two files in it. */
  async begin(): Promise<{ readonly area: StagingArea; readonly files: VmmSnapshot }> {
    const area = await stage(this.#layout.tmpDir);
    return { area, files: { memory: area.path('memory'), state: area.path('state') } };
  }

  /**
   * Puts a captured template in its place.
   * @returns `exists` when another process was there first; what was captured is then left in its area
   */
  async install(area: StagingArea, record: TemplateRecord): Promise<'installed' | 'exists'> {
    writeDurable(area.path(RECORD_NAME), `${JSON.stringify(record, null, 2)}\n`);
    try {
      await syncDirectory(area.dir);
      await rename(area.dir, this.#directory(record.key));
      await syncDirectory(this.#layout.templatesDir);
      return 'installed';
    } catch (thrown) {
      if (['ENOTEMPTY', 'EEXIST'].includes(errnoOf(thrown) ?? '')) return 'exists';
      throw toBoxliteError(thrown, 'storage_error', `cannot install the template ${record.key}`);
    }
  }

  /** All of them, the least recently used first. @throws BoxliteError `storage_error` */
  async list(): Promise<readonly StoredTemplate[]> {
    const keys = (await namesIn(this.#layout.templatesDir)).filter(isTemplateKey);
    const stored = await Promise.all(keys.map((key) => this.#look(key)));
    return stored.filter((one) => one !== undefined).sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  }

  /**
   * Removes a template nobody is starting from; machines that go on from it keep what they have of it.
   * @returns false when there was none
   * @throws BoxliteError `lease_held` when somebody is starting from it right now
   */
  async remove(key: string): Promise<boolean> {
    const lease = await this.#leases.acquire(`${TEMPLATE_LEASE_PREFIX}${key}`, 'remove');
    try {
      return await this.discard(key);
    } finally {
      await lease.release();
    }
  }

  /** Removes a template that cannot be used, whoever tries to. @returns false when there was none */
  async discard(key: string): Promise<boolean> {
    const area = await stage(this.#layout.tmpDir);
    try {
      await rename(this.#directory(key), area.path(key));
      return true;
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return false;
      throw toBoxliteError(thrown, 'storage_error', `cannot remove the template ${key}`);
    } finally {
      await area.remove();
    }
  }

  /** The keys of templates that somebody is starting from, or removing. */
  async inUse(): Promise<ReadonlySet<string>> {
    const leases = await this.#leases.list(TEMPLATE_LEASE_PREFIX);
    return new Set(leases.map(({ entity }) => entity.slice(TEMPLATE_LEASE_PREFIX.length)));
  }

  #directory(key: string): string {
    return join(this.#layout.templatesDir, key);
  }

  #recordFile(key: string): string {
    return join(this.#directory(key), RECORD_NAME);
  }

  #files(key: string): VmmSnapshot {
    return { memory: join(this.#directory(key), 'memory'), state: join(this.#directory(key), 'state') };
  }

  #check(key: string, { files, image }: TemplateRecord): void {
    checkSnapshotContent(this.#files(key), files);
    if (image !== undefined) checkLargeFile(templateDisk(this.#directory(key), image), 'disk', image.disk);
  }

  #read(key: string): TemplateRecord {
    const path = this.#recordFile(key);
    return parseTemplateRecord(readBounded(path), key, path);
  }

  async #look(key: string): Promise<StoredTemplate | undefined> {
    const directory = this.#directory(key);
    try {
      // Its own time is that of its last use.
      const { mtimeMs } = await stat(this.#recordFile(key)).catch(() => stat(directory));
      const found = { key, directory, bytes: await allocatedBytes(directory), lastUsedAt: Math.floor(mtimeMs) };
      return { ...found, ...this.#state(key) };
    } catch (thrown) {
      if (errnoOf(thrown) === 'ENOENT') return undefined;
      throw toBoxliteError(thrown, 'storage_error', `cannot read the template ${key}`);
    }
  }

  #state(key: string): Pick<StoredTemplate, 'record' | 'problem'> {
    let record: TemplateRecord | undefined;
    try {
      record = this.#read(key);
      this.#check(key, record);
      return { record, problem: undefined };
    } catch (thrown) {
      if (BoxliteError.isInstance(thrown, 'snapshot_invalid')) return { record, problem: thrown.message };
      // One that cannot be read, such as off a bad block, hides no other.
      if (BoxliteError.isInstance(thrown) || errnoOf(thrown) === undefined) throw thrown;
      return { record, problem: `it cannot be read (${errnoOf(thrown)})` };
    }
  }

  async #lease(key: string, purpose: string, shared: boolean): Promise<Lease | undefined> {
    try {
      return await this.#leases.acquire(`${TEMPLATE_LEASE_PREFIX}${key}`, purpose, { shared });
    } catch (thrown) {
      if (BoxliteError.isInstance(thrown, 'lease_held')) return undefined;
      throw thrown;
    }
  }

  async #letGo(key: string, lease: Lease): Promise<void> {
    try {
      const now = new Date();
      utimesSync(this.#recordFile(key), now, now);
    } catch (cause) {
      this.#report(`the use of the template ${key} could not be noted`, cause);
    }
    try {
      await lease.release();
    } catch (cause) {
      this.#report(`the lease of the template ${key} could not be given back`, cause);
    }
  }
}

/** The disk of an image's template, in its directory. */
export function templateDisk(directory: string, { format }: { readonly format: 'raw' | 'qcow2' }): string {
  return join(directory, `disk.${format}`);
}

function readBounded(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    throw invalid(`its record cannot be read (${errnoOf(thrown) ?? String(thrown)})`, path, thrown);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw invalid('its record is no regular file', path);
    if (stats.size > MAX_RECORD_BYTES) throw invalid('its record is too large', path);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/** 0600, and on the disk when it returns. */
function writeDurable(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    writeFileSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
