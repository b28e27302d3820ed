import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, type Digest, digestHex, errnoOf, escapeText, toBoxliteError } from '@boxlite/core';
import { openRegularFile, readSmallFile } from '../blobs/open-regular-file.js';
import { readFileChunks } from '../blobs/read-file-chunks.js';
import { sha256 } from '../blobs/sha256.js';
import { invalidDocument, MAX_DOCUMENT_BYTES } from '../documents/parse-document.js';
import { checkLayoutMarker } from './layout-documents.js';

/** Of all documents that are read of one layout, so that an index full of entries ends; real documents are kilobytes. */
const MAX_TOTAL_DOCUMENT_BYTES = 256 * 1024 * 1024;

/**
 * An OCI image layout in a directory (OCI image-spec, image-layout.md), read in place. The directory is not trusted: nothing is followed
 * or opened but regular files, and each document is hashed before it is believed.
 */
export class LayoutDirectory {
  private documentBytes = 0;

  private constructor(readonly path: string) {}

  /**
   * Checks that a path is a layout.
   * @throws BoxliteError `image_not_found`, `image_invalid`
   */
  static async open(path: string): Promise<LayoutDirectory> {
    await checkDirectory(path, 'image_not_found');
    const marker = await readSmallFile(join(path, 'oci-layout'), MAX_DOCUMENT_BYTES, 'oci-layout');
    if (marker === undefined) {
      throw new BoxliteError(
        'image_invalid',
        `${escapeText(path)} is not an OCI image layout: it has no file oci-layout`,
        {
          hint: 'make one with: skopeo copy <image> oci:DIR',
          details: { field: 'image', path },
        },
      );
    }
    checkLayoutMarker(marker);
    await checkDirectory(join(path, 'blobs'), 'image_invalid');
    await checkDirectory(join(path, 'blobs', 'sha256'), 'image_invalid');
    return new LayoutDirectory(path);
  }

  /** @throws BoxliteError `image_invalid` */
  async readIndex(): Promise<Uint8Array> {
    const bytes = await readSmallFile(join(this.path, 'index.json'), MAX_DOCUMENT_BYTES, 'index.json');
    if (bytes === undefined) throw invalidDocument(`layout ${this.path}`, 'it has no file index.json');
    return bytes;
  }

  /**
   * Reads a document and verifies it.
   * @throws BoxliteError `image_invalid`, `digest_mismatch`
   */
  async readDocument(digest: Digest, size: number): Promise<Uint8Array> {
    const bytes = await readSmallFile(this.blobPath(digest), MAX_DOCUMENT_BYTES, `blob ${digest}`);
    if (bytes === undefined) throw this.missing(digest);
    this.documentBytes += bytes.byteLength;
    if (this.documentBytes > MAX_TOTAL_DOCUMENT_BYTES) {
      throw invalidDocument(`layout ${this.path}`, `its documents are more than ${MAX_TOTAL_DOCUMENT_BYTES} bytes`);
    }
    const actual = sha256(bytes);
    if (bytes.byteLength !== size || actual !== digest) {
      throw new BoxliteError(
        'digest_mismatch',
        `blob ${digest} of ${escapeText(this.path)} is ${actual}, ${bytes.byteLength} bytes`,
        {
          hint: 'the layout is damaged: make it again',
          details: { digest, path: this.path },
        },
      );
    }
    return bytes;
  }

  /**
   * Checks that a layer is there and has its size. Its bytes are hashed when it is opened.
   * @throws BoxliteError `image_invalid`, `digest_mismatch`
   */
  async checkBlob(digest: Digest, size: number): Promise<void> {
    const file = await openRegularFile(this.blobPath(digest), `blob ${digest}`);
    if (file === undefined) throw this.missing(digest);
    await file.handle.close();
    if (file.size === size) return;
    throw new BoxliteError(
      'digest_mismatch',
      `blob ${digest} of ${escapeText(this.path)} has ${file.size} bytes, not ${size}`,
      {
        hint: 'the layout is damaged: make it again',
        details: { digest, path: this.path },
      },
    );
  }

  private missing(digest: Digest): BoxliteError {
    return invalidDocument(`layout ${this.path}`, `blob ${digest} is missing`);
  }

  private blobPath(digest: Digest): string {
    return layoutBlobPath(this.path, digest);
  }
}

/**
 * The stored bytes of a layer, unverified.
 * @throws BoxliteError `image_invalid` when there is no such regular file
 */
export async function* readLayoutBlob(
  directory: string,
  digest: Digest,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await openRegularFile(layoutBlobPath(directory, digest), `blob ${digest}`);
  if (file === undefined) throw invalidDocument(`layout ${directory}`, `blob ${digest} is missing`);
  yield* readFileChunks(file.handle, signal);
}

function layoutBlobPath(directory: string, digest: Digest): string {
  return join(directory, 'blobs', 'sha256', digestHex(digest));
}

async function checkDirectory(path: string, missing: 'image_not_found' | 'image_invalid'): Promise<void> {
  const details = { field: 'image', path };
  const hint = 'name the directory of an OCI image layout, or a file with oci-archive:FILE';
  try {
    // The user's own path may be a link; what is inside the layout may not.
    const status = await lstat(missing === 'image_not_found' ? join(path, '.') : path);
    if (status.isDirectory()) return;
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === 'ENOENT')
      throw new BoxliteError(missing, `directory ${escapeText(path)} does not exist`, { hint, details });
    if (errno !== 'ENOTDIR') throw toBoxliteError(thrown, 'storage_error', `reading ${escapeText(path)}`);
  }
  throw new BoxliteError('image_invalid', `${escapeText(path)} is not a directory`, { hint, details });
}
