import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, errnoOf, type ImageRecord, isDigest, toBoxliteError } from '@boxlite/core';
import type { BlobKind } from '../blobs/blob-store.js';
import type { ImageCache } from './image-cache.js';

/** Of `st_blocks` (stat(2)). */
const BLOCK_BYTES = 512;
const BLOB_FILE = /^sha256-([0-9a-f]{64})$/;
const KINDS: readonly BlobKind[] = ['layers', 'configs', 'manifests'];

/** A blob that is there. */
export interface StoredBlob {
  readonly kind: BlobKind;
  readonly digest: Digest;
  readonly path: string;
  /** Allocated on disk. */
  readonly bytes: number;
  /** When it was stored, milliseconds since the epoch. */
  readonly mtimeMs: number;
  /** The images that need it, by reference; none means garbage. */
  readonly referencedBy: readonly string[];
}

/** Every blob of the store, each with who needs it. @throws BoxliteError `storage_error`, `database_error` */
export async function listBlobs(cache: ImageCache): Promise<readonly StoredBlob[]> {
  // Blobs first: an image recorded in between then counts, one whose blobs came later has none here.
  const found = (await Promise.all(KINDS.map((kind) => listKind(cache, kind)))).flat();
  const references = referencesByDigest(await cache.store.list());
  return found.map((blob) => ({ ...blob, referencedBy: references.get(blob.digest) ?? [] }));
}

/** What an image needs, each digest once. */
export function digestsOf(record: ImageRecord): readonly Digest[] {
  const [, pinned] = record.reference.split('@');
  // The index a reference pins is needed to read it offline.
  const named = pinned !== undefined && isDigest(pinned) ? [pinned] : [];
  return [...new Set([record.manifestDigest, record.configDigest, ...record.layers, ...named])];
}

function referencesByDigest(records: readonly ImageRecord[]): ReadonlyMap<Digest, readonly string[]> {
  const references = new Map<Digest, string[]>();
  for (const record of records) {
    for (const digest of digestsOf(record)) {
      const known = references.get(digest);
      if (known === undefined) references.set(digest, [record.reference]);
      else known.push(record.reference);
    }
  }
  return references;
}

async function listKind({ blobs }: ImageCache, kind: BlobKind): Promise<Omit<StoredBlob, 'referencedBy'>[]> {
  const directory = blobs.directory(kind);
  const found: Omit<StoredBlob, 'referencedBy'>[] = [];
  try {
    for (const name of await readdir(directory)) {
      const [, hex] = BLOB_FILE.exec(name) ?? [];
      const digest = `sha256:${hex}`;
      if (hex === undefined || !isDigest(digest)) continue;
      const path = join(directory, name);
      const status = await statOf(path);
      if (status?.isFile() !== true) continue;
      found.push({ kind, digest, path, bytes: status.blocks * BLOCK_BYTES, mtimeMs: status.mtimeMs });
    }
    return found;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return found;
    throw toBoxliteError(thrown, 'storage_error', `reading ${directory}`);
  }
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (thrown) {
    // Collected meanwhile.
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
