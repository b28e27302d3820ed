import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { toBoxliteError } from '@boxlite/core';

const run = promisify(execFile);

/**
 * Removes a directory with all it holds; a missing one is fine. A guest can leave directories without permissions, or
 * deeper than a path can name, in what it shares: `chmod -R` and `rm -rf` walk by descriptor and get through both.
 * @throws BoxliteError `storage_error` naming what could not be removed
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
    return;
  } catch {
    // The reason is reported by the second way if it fails too.
  }
  try {
    await run('chmod', ['-R', 'u+rwX', '--', path]);
    await run('rm', ['-rf', '--', path]);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot remove ${path}`);
  }
}
