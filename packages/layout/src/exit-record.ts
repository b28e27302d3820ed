import { lstat, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import type { BoxLayout } from './box-layout.js';
import { syncDirectory } from './sync-directory.js';

/**
 * Moves a crash record to `exit.previous`, so that `exit` only ever speaks of the current life. An empty file is no record and stays.
 * @param box whose record
 * @param vmmStartedAtMs on adoption of a living VMM: its start, milliseconds since the epoch; only an older record is moved.
 *   Absent (before a spawn): any record is moved
 * @returns true when a record was moved
 * @throws BoxliteError `storage_error`
 */
export async function rotateExitRecord(
  box: Pick<BoxLayout, 'exitFile' | 'exitPreviousFile'>,
  vmmStartedAtMs?: number,
): Promise<boolean> {
  try {
    const stats = await lstat(box.exitFile);
    if (!stats.isFile()) {
      throw new BoxliteError('storage_error', `${box.exitFile} is not a regular file`, {
        hint: 'something else than BoxLite made it: move it away',
        details: { path: box.exitFile },
      });
    }
    if (stats.size === 0) return false;
    if (vmmStartedAtMs !== undefined && stats.mtimeMs >= vmmStartedAtMs) return false;
    await rename(box.exitFile, box.exitPreviousFile);
    await syncDirectory(dirname(box.exitFile));
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw toBoxliteError(thrown, 'storage_error', `cannot rotate ${box.exitFile}`);
  }
}
