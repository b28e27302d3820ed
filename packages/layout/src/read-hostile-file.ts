import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';

/**
 * Reads a whole file from a place a VMM can write: never follows a link, never blocks on a FIFO, never reads a device or a
 * second name of another file, never takes more memory than asked for.
 * @param path absolute path; only its last component is guarded, the directory must be ours
 * @param maxBytes the largest file accepted
 * @throws BoxliteError `not_found`; `permission_denied` when it is not a plain file of its own; `resource_exhausted` when it is larger
 */
export async function readHostileFile(path: string, maxBytes: number): Promise<Uint8Array> {
  return withHostileFile(path, async (handle, size) => {
    // One byte more shows a file that grew after its size was taken.
    const bytes = size > maxBytes ? undefined : await readUpTo(handle, 0, Math.min(size, maxBytes) + 1);
    if (bytes === undefined || bytes.length > maxBytes) {
      throw new BoxliteError('resource_exhausted', `${path} is larger than ${maxBytes} bytes`, {
        hint: 'a VMM or guest wrote more than belongs there; look at it with care',
        details: { path, maxBytes },
      });
    }
    return bytes;
  });
}

/**
 * The last bytes of such a file, for logs, which may be of any size.
 * @throws BoxliteError `not_found`; `permission_denied` when it is not a plain file of its own
 */
export async function readHostileTail(path: string, maxBytes: number): Promise<Uint8Array> {
  return withHostileFile(path, (handle, size) =>
    readUpTo(handle, Math.max(0, size - maxBytes), Math.min(size, maxBytes)),
  );
}

async function withHostileFile<T>(path: string, read: (handle: FileHandle, size: number) => Promise<T>): Promise<T> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') {
      throw new BoxliteError('not_found', `${path} does not exist`, { cause: thrown, details: { path } });
    }
    // ELOOP: a symbolic link; ENXIO: a socket, or a FIFO without a reader.
    if (['ELOOP', 'EMLINK', 'ENXIO'].includes(errnoOf(thrown) ?? '')) throw notPlain(path, 'is not a regular file');
    throw toBoxliteError(thrown, 'storage_error', `cannot open ${path}`);
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw notPlain(path, 'is not a regular file');
    if (stats.nlink !== 1) throw notPlain(path, `has ${stats.nlink} links, where one is expected`);
    return await read(handle, stats.size);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot read ${path}`);
  } finally {
    await handle.close();
  }
}

async function readUpTo(handle: FileHandle, start: number, maxBytes: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(maxBytes);
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function notPlain(path: string, why: string): BoxliteError {
  return new BoxliteError('permission_denied', `${path} ${why}: it was not written by BoxLite and is not read`, {
    hint: 'a VMM or guest may have planted it; remove the box if you do not trust its content',
    details: { path },
  });
}
