import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BoxliteError, errnoOf, escapeText, throwIfAborted, toBoxliteError } from '@boxlite/core';
import { stagingName, syncDirectory } from '@boxlite/layout';
import type { ImageCache } from '../stored/image-cache.js';
import type { SavedImage } from './archive-plan.js';
import { type ImageArchiveOptions, imageArchive } from './image-archive.js';

/** Every so many bytes, so that many small pieces cost few system calls. */
const WRITE_BYTES = 1024 * 1024;

/**
 * Writes {@link imageArchive} to a file or a stream.
 *
 * @param to a path, whose file appears whole or not at all (0600; pipes and devices are written to as they are), or a stream, which is not ended
 * @returns how many bytes were written
 * @throws BoxliteError as {@link imageArchive}; `disk_full`, `storage_error`; `invalid_argument` (field `to`) for a directory
 */
export async function saveImages(
  cache: Pick<ImageCache, 'blobs'>,
  images: readonly SavedImage[],
  to: string | NodeJS.WritableStream,
  options: ImageArchiveOptions = {},
): Promise<{ readonly bytes: number }> {
  const archive = imageArchive(cache, images, options);
  return typeof to === 'string' ? saveToPath(archive, to) : { bytes: await writeToStream(archive, to, options.signal) };
}

async function saveToPath(archive: AsyncIterable<Uint8Array>, path: string): Promise<{ readonly bytes: number }> {
  const what = `writing ${escapeText(path)}`;
  try {
    const existing = await existingFile(path);
    if (existing?.kind === 'other') return { bytes: await writeInPlace(archive, path) };
    const target = existing?.path ?? path;
    const staged = join(dirname(target), `.boxlite-${stagingName()}.partial`);
    try {
      const bytes = await writeNew(archive, staged);
      await rename(staged, target);
      await syncDirectory(dirname(target));
      return { bytes };
    } finally {
      await rm(staged, { force: true });
    }
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', what);
  }
}

/** A link is followed, so that the file it names is replaced and not the link. */
async function existingFile(path: string): Promise<{ kind: 'file' | 'other'; path: string } | undefined> {
  try {
    const status = await stat(path);
    if (status.isDirectory()) {
      throw new BoxliteError('invalid_argument', `${escapeText(path)} is a directory`, {
        hint: 'name the file to write',
        details: { field: 'to', path },
      });
    }
    return status.isFile() ? { kind: 'file', path: await realpath(path) } : { kind: 'other', path };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

async function writeNew(archive: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  try {
    const bytes = await writeToFile(archive, file);
    await file.sync();
    return bytes;
  } finally {
    await file.close();
  }
}

async function writeInPlace(archive: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const file = await open(path, 'w');
  try {
    return await writeToFile(archive, file);
  } finally {
    await file.close();
  }
}

async function writeToFile(archive: AsyncIterable<Uint8Array>, file: FileHandle): Promise<number> {
  let bytes = 0;
  for await (const batch of batched(archive)) {
    await file.writeFile(batch);
    bytes += batch.byteLength;
  }
  return bytes;
}

async function* batched(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    pending.push(chunk);
    size += chunk.byteLength;
    if (size < WRITE_BYTES) continue;
    yield Buffer.concat(pending);
    [pending, size] = [[], 0];
  }
  if (size > 0) yield Buffer.concat(pending);
}

async function writeToStream(
  archive: AsyncIterable<Uint8Array>,
  stream: NodeJS.WritableStream,
  signal: AbortSignal | undefined,
): Promise<number> {
  let bytes = 0;
  let failure: unknown;
  // Without a listener an error of the stream would end the process.
  const onError = (thrown: unknown) => {
    failure ??= thrown;
  };
  stream.on('error', onError);
  try {
    for await (const chunk of batched(archive)) {
      if (failure !== undefined) throw failure;
      // It has said so already, and would say nothing more.
      if (!stream.writable) throw new Error('the stream is closed');
      if (!stream.write(chunk)) await drained(stream, signal);
      bytes += chunk.byteLength;
    }
    if (failure !== undefined) throw failure;
    return bytes;
  } catch (thrown) {
    throwIfAborted(signal, 'writing an image archive');
    throw toBoxliteError(failure ?? thrown, 'storage_error', 'writing an image archive');
  } finally {
    stream.off('error', onError);
  }
}

/** Until the stream takes more, or never will. */
function drained(stream: NodeJS.WritableStream, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => () => {
      for (const [event, listener] of listeners) stream.off(event, listener);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    const onAbort = settle(() => reject(signal?.reason));
    const closed = settle(() => reject(new Error('the stream was closed')));
    const listeners = [
      ['drain', settle(resolve)],
      ['close', closed],
      ['error', closed],
    ] as const;
    for (const [event, listener] of listeners) stream.on(event, listener);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
  });
}
