import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { BoxliteError, errnoOf, escapeText, toBoxliteError } from '@boxlite/core';

/** An open regular file and its size at that moment. */
export interface RegularFile {
  readonly handle: FileHandle;
  readonly size: number;
}

/**
 * Opens a file of a place somebody else may write to: not through a symbolic link, never a device, and a FIFO does not block.
 * @param path the file
 * @param what what it is, for the error
 * @param options.followLink for a path of the user's own
 * @returns undefined when there is no such file
 * @throws BoxliteError `image_invalid` when it is something else than a regular file, `storage_error` when it cannot be read
 */
export async function openRegularFile(
  path: string,
  what: string,
  { followLink = false }: { readonly followLink?: boolean } = {},
): Promise<RegularFile | undefined> {
  const flags =
    constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | (followLink ? 0 : constants.O_NOFOLLOW);
  let handle: FileHandle;
  try {
    handle = await open(path, flags);
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    if (errno === 'ELOOP' || errno === 'ENXIO') throw notRegular(path, what, thrown);
    throw toBoxliteError(thrown, 'storage_error', `reading ${what}`);
  }
  try {
    const status = await handle.stat();
    if (!status.isFile()) throw notRegular(path, what);
    return { handle, size: status.size };
  } catch (thrown) {
    await handle.close();
    throw toBoxliteError(thrown, 'storage_error', `reading ${what}`);
  }
}

/**
 * Reads a small file whole.
 * @param maxBytes a larger file is refused unread
 * @returns undefined when there is no such file
 * @throws BoxliteError `image_invalid`, `storage_error`
 */
export async function readSmallFile(path: string, maxBytes: number, what: string): Promise<Uint8Array | undefined> {
  const file = await openRegularFile(path, what);
  if (file === undefined) return undefined;
  try {
    if (file.size > maxBytes) throw new BoxliteError('image_invalid', `${what} is larger than ${maxBytes} bytes`);
    const buffer = Buffer.allocUnsafe(file.size);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `reading ${what}`);
  } finally {
    await file.handle.close();
  }
}

function notRegular(path: string, what: string, cause?: unknown): BoxliteError {
  return new BoxliteError('image_invalid', `${what} is not a regular file: ${escapeText(path)}`, {
    hint: 'links, devices and pipes are not followed inside an image',
    details: { path },
    cause,
  });
}
