import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { toBoxliteError } from '@boxlite/core';
import type { ArchiveFile } from './archive-files.js';

/**
 * Writes a stream to a new private file and hashes it on the way.
 * @throws BoxliteError `disk_full`, `storage_error`, and what the stream throws
 */
export async function stageFile(source: AsyncIterable<Uint8Array>, path: string): Promise<ArchiveFile> {
  const hash = createHash('sha256');
  let size = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    await file.chmod(0o600);
    for await (const chunk of source) {
      hash.update(chunk);
      size += chunk.byteLength;
      await writeWhole(file, chunk);
    }
  } finally {
    await file.close();
  }
  return { path, size, digest: `sha256:${hash.digest('hex')}` };
}

async function writeWhole(file: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  try {
    await file.writeFile(chunk);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', 'writing a file of an archive');
  }
}
