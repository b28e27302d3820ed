import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type ExitRecord, errnoOf } from '@boxlite/core';
import { EXIT_RECORD_MAX_BYTES, parseExitRecord } from './exit-record.js';

/**
 * Reads a box's crash record, as a place the VMM might write to: no symbolic link, a regular file with one link, bounded.
 * @param path the `exit` file
 * @param notBeforeMs records last changed before this time (milliseconds since the epoch) belong to an earlier VMM
 * @returns undefined when there is no (valid) record of that time
 */
export async function readExitFile(path: string, notBeforeMs: number): Promise<ExitRecord | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const status = await file.stat();
      if (!status.isFile() || status.nlink !== 1 || status.size > EXIT_RECORD_MAX_BYTES) return undefined;
      if (status.mtimeMs < notBeforeMs) return undefined;
      return parseExitRecord(await readBounded(file));
    } finally {
      await file.close();
    }
  } catch (error) {
    // Without a readable record the caller says that the supervisor was lost; a failure that is no system error is a bug here.
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Not to its end: it may grow as fast as it is read. */
async function readBounded(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(EXIT_RECORD_MAX_BYTES), 0, EXIT_RECORD_MAX_BYTES, 0);
  return buffer.toString('utf8', 0, bytesRead);
}
