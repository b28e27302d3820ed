import { join, posix } from 'node:path';
import { BoxliteError, isDigest, throwIfAborted } from '@boxlite/core';
import { ensurePrivateDirectory } from '@boxlite/layout';
import type { Extract } from 'tar-stream';
import { StagedBlob } from '../blobs/staged-blob.js';
import { invalidDocument, MAX_DOCUMENT_BYTES } from '../documents/parse-document.js';
import { readError } from '../read-error.js';
import { ArchiveFiles, normalizeEntryName } from './archive-files.js';
import { convertDockerArchive } from './docker-archive.js';
import { readTar } from './read-tar.js';
import { stageFile } from './stage-file.js';

type Source = Extract extends AsyncIterable<infer Entry> ? Entry : never;

// A layout of the largest image allowed, for several platforms, is far below this.
const MAX_ENTRIES = 16_384;
/** PATH_MAX (limits.h). Every name is kept until the archive is read, and tar allows megabytes of it. */
const MAX_NAME_LENGTH = 4096;
const BLOB_NAME = /^blobs\/(sha256)\/([0-9a-f]{64})$/;
const LAYOUT_NAMES: readonly string[] = ['oci-layout', 'index.json'];
const DOCUMENT_NAMES: readonly string[] = [...LAYOUT_NAMES, 'manifest.json', 'repositories'];

export interface StageArchiveOptions {
  /** An empty private directory. */
  readonly directory: string;
  /** Of all entries together, uncompressed. */
  readonly maxBytes: number;
  /** Uncompressed bytes of a layer. */
  readonly maxLayerBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Copies what an archive holds of images, compressed or not, into an OCI layout. An archive that has none is one of `docker save` before Docker 25, and
 * is converted. No name of the archive becomes a path, and each blob is hashed on the way.
 *
 * @param source the archive's bytes; closed however the reading ends
 * @param what names it, for errors
 * @throws BoxliteError `image_invalid`, `digest_mismatch`, `resource_exhausted`, `unsupported`, `disk_full`, `storage_error`, `aborted`
 */
export async function stageArchive(
  source: AsyncGenerator<Uint8Array, void, undefined>,
  what: string,
  options: StageArchiveOptions,
): Promise<void> {
  const { directory, maxBytes, signal } = options;
  for (const name of ['blobs', 'blobs/sha256', 'files']) {
    await ensurePrivateDirectory(join(directory, name), process.getuid?.() ?? 0);
  }
  const staging = new Staging(directory, what);
  try {
    let entries = 0;
    for await (const entry of readTar(source, what, maxBytes)) {
      throwIfAborted(signal, `reading ${what}`);
      entries += 1;
      if (entries > MAX_ENTRIES) throw invalidDocument(what, `more than ${MAX_ENTRIES} entries`);
      await staging.take(entry);
    }
    if (staging.isLayout) return;
    await convertDockerArchive(staging.files, { ...options, what });
  } catch (thrown) {
    throwIfAborted(signal, `reading ${what}`);
    if (BoxliteError.isInstance(thrown, 'layer_invalid')) {
      const hint = 'archives are plain, or compressed with gzip or zstd: decompress it first';
      throw new BoxliteError('image_invalid', thrown.message, { hint, cause: thrown });
    }
    throw readError(thrown, 'image_invalid', `${what} is damaged or no tar file`);
  }
}

class Staging {
  readonly files = new ArchiveFiles();
  private count = 0;

  constructor(
    private readonly directory: string,
    private readonly what: string,
  ) {}

  get isLayout(): boolean {
    return LAYOUT_NAMES.every((name) => this.files.has(name));
  }

  async take(entry: Source): Promise<void> {
    const { name: written, linkname, type } = entry.header;
    if (Math.max(written.length, linkname?.length ?? 0) > MAX_NAME_LENGTH) {
      throw invalidDocument(this.what, `a name is longer than ${MAX_NAME_LENGTH} characters`);
    }
    const name = normalizeEntryName(written);
    if (name !== undefined && (type === 'file' || type === 'contiguous-file')) return this.takeFile(name, entry);
    if (name !== undefined && (type === 'symlink' || type === 'link')) this.takeLink(name, entry);
    // The iteration goes on when the entry has ended.
    entry.resume();
  }

  private async takeFile(name: string, entry: Source): Promise<void> {
    const [, algorithm, hex] = BLOB_NAME.exec(name) ?? [];
    const digest = `${algorithm}:${hex}`;
    if (this.files.has(name)) {
      // The same digest again is the same bytes; anything else could be two things to two readers.
      if (hex === undefined) throw invalidDocument(this.what, `it has ${JSON.stringify(name)} twice`);
      entry.resume();
    } else if (hex !== undefined && isDigest(digest)) {
      const path = join(this.directory, 'blobs', 'sha256', hex);
      const blob = await StagedBlob.create(path, { digest, size: entry.header.size });
      try {
        for await (const chunk of entry) await blob.write(chunk as Uint8Array);
        blob.verify();
      } finally {
        await blob.close();
      }
      this.files.add(name, { path, size: blob.size, digest });
    } else {
      if (DOCUMENT_NAMES.includes(name) && entry.header.size > MAX_DOCUMENT_BYTES) {
        throw invalidDocument(this.what, `${name} is larger than ${MAX_DOCUMENT_BYTES} bytes`);
      }
      const path = LAYOUT_NAMES.includes(name) ? name : join('files', String(this.count++));
      this.files.add(name, await stageFile(entry as AsyncIterable<Uint8Array>, join(this.directory, path)));
    }
  }

  private takeLink(name: string, { header }: Source): void {
    if (this.files.has(name)) throw invalidDocument(this.what, `it has ${JSON.stringify(name)} twice`);
    const target = header.linkname ?? '';
    this.files.addLink(name, header.type === 'link' ? target : posix.join(posix.dirname(name), target));
  }
}
