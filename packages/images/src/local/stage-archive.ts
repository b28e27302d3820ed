import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, type Digest, escapeText, isDigest, throwIfAborted } from '@boxlite/core';
import { ensurePrivateDirectory } from '@boxlite/layout';
import { type Extract, extract } from 'tar-stream';
import { openRegularFile } from '../blobs/open-regular-file.js';
import { readFileChunks } from '../blobs/read-file-chunks.js';
import { StagedBlob } from '../blobs/staged-blob.js';
import { invalidDocument, MAX_DOCUMENT_BYTES } from '../documents/parse-document.js';
import { decompress } from '../layers/decompress.js';
import { readError } from '../read-error.js';

type Source = Extract extends AsyncIterable<infer Entry> ? Entry : never;

// A layout of the largest image allowed, for several platforms, is far below this.
const MAX_ENTRIES = 16_384;
const BLOB_NAME = /^blobs\/(sha256)\/([0-9a-f]{64})$/;
const DOCUMENT_NAMES: readonly string[] = ['oci-layout', 'index.json'];

/**
 * Copies the blobs of a tar of an OCI layout, compressed or not, into a directory of the same shape. No name of the archive becomes a
 * path: only `oci-layout`, `index.json` and well-formed blob names are taken, all else is passed over, and each blob is hashed on the way.
 *
 * @param file the archive
 * @param directory an empty private directory
 * @param maxBytes of all entries together, uncompressed
 * @throws BoxliteError `image_not_found`, `image_invalid`, `digest_mismatch`, `resource_exhausted`, `unsupported`, `disk_full`, `aborted`
 */
export async function stageArchive(
  file: string,
  directory: string,
  maxBytes: number,
  signal?: AbortSignal,
): Promise<void> {
  const what = `archive ${escapeText(file)}`;
  const blobsDir = join(directory, 'blobs');
  for (const path of [blobsDir, join(blobsDir, 'sha256')]) await ensurePrivateDirectory(path, process.getuid?.() ?? 0);
  // The user's own path may be a link.
  const opened = await openRegularFile(file, what, { followLink: true });
  if (opened === undefined) {
    throw new BoxliteError('image_not_found', `${what} does not exist`, {
      hint: 'name a tar file: oci-archive:FILE',
      details: { field: 'image', path: file },
    });
  }
  const seen = new Set<string>();
  const archive = extract();
  const feeding = feed(bounded(decompress(readFileChunks(opened.handle, signal), what), maxBytes, what), archive);
  try {
    let entries = 0;
    for await (const entry of archive) {
      throwIfAborted(signal, `reading ${what}`);
      entries += 1;
      if (entries > MAX_ENTRIES) throw invalidDocument(what, `more than ${MAX_ENTRIES} entries`);
      await takeEntry(entry, directory, seen, what);
    }
  } catch (thrown) {
    throwIfAborted(signal, `reading ${what}`);
    throw readError(thrown, 'image_invalid', `${what} is damaged or no tar file`);
  } finally {
    archive.destroy(null);
    await feeding;
  }
  checkComplete(seen, what, file);
}

async function takeEntry(entry: Source, directory: string, seen: Set<string>, what: string): Promise<void> {
  const name = entry.header.name.replace(/^(\.\/)+/, '');
  const [, algorithm, hex] = BLOB_NAME.exec(name) ?? [];
  const isDocument = DOCUMENT_NAMES.includes(name);
  const isFile = entry.header.type === 'file' || entry.header.type === 'contiguous-file';
  const repeated = seen.has(name);
  if (name === 'manifest.json' || (isFile && (isDocument || hex !== undefined))) seen.add(name);
  if (!isFile || (hex === undefined && !isDocument)) {
    // The iteration goes on when the entry has ended.
    entry.resume();
    return;
  }
  if (isDocument) {
    if (repeated) throw invalidDocument(what, `it has ${name} twice`);
    await writeFile(join(directory, name), await readDocument(entry, name, what));
    return chmod(join(directory, name), 0o600);
  }
  const digest = `${algorithm}:${hex}`;
  if (repeated || hex === undefined || !isDigest(digest)) {
    // The iteration goes on when the entry has ended.
    entry.resume();
    return;
  }
  await writeBlob(entry, join(directory, 'blobs', 'sha256', hex), digest);
}

async function writeBlob(entry: Source, path: string, digest: Digest): Promise<void> {
  const blob = await StagedBlob.create(path, { digest, size: entry.header.size });
  try {
    for await (const chunk of entry) await blob.write(chunk as Uint8Array);
    blob.verify();
  } finally {
    await blob.close();
  }
}

async function readDocument(entry: Source, name: string, what: string): Promise<Buffer> {
  if (entry.header.size > MAX_DOCUMENT_BYTES)
    throw invalidDocument(what, `${name} is larger than ${MAX_DOCUMENT_BYTES} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** Never rejects: what goes wrong is thrown to whoever reads the entries. */
async function feed(source: AsyncIterable<Uint8Array>, archive: Extract): Promise<void> {
  try {
    for await (const chunk of source) {
      if (archive.destroyed) return;
      if (!archive.write(chunk)) await drained(archive);
    }
    archive.end(null);
  } catch (thrown) {
    archive.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
}

function drained(archive: Extract): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      archive.off('drain', done).off('close', done);
      resolve();
    };
    archive.on('drain', done).on('close', done);
    if (archive.destroyed) done();
  });
}

async function* bounded(source: AsyncIterable<Uint8Array>, maxBytes: number, what: string) {
  let total = 0;
  for await (const chunk of source) {
    total += chunk.byteLength;
    if (total > maxBytes) {
      throw new BoxliteError('resource_exhausted', `${what} has more than ${maxBytes} bytes`, {
        hint: 'use a smaller image, or raise maxImageBytes of the image source',
      });
    }
    yield chunk;
  }
}

function checkComplete(seen: ReadonlySet<string>, what: string, path: string): void {
  const missing = DOCUMENT_NAMES.find((name) => !seen.has(name));
  if (missing === undefined) return;
  const details = { field: 'image', path };
  if (seen.has('manifest.json')) {
    throw new BoxliteError('unsupported', `${what} was made by "docker save" in the format that has no OCI layout`, {
      hint: 'convert it: skopeo copy docker-archive:FILE oci-archive:FILE2',
      details,
    });
  }
  throw new BoxliteError('image_invalid', `${what} is not an OCI image layout: it has no file ${missing}`, {
    hint: 'make one with: skopeo copy <image> oci-archive:FILE',
    details,
  });
}
