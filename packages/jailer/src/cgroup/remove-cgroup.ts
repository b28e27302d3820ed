import { watch } from 'node:fs';
import { readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';

/** Longest wait for killed processes to leave the group (reference 6.5). */
const EMPTY_TIMEOUT_MS = 2000;

/**
 * Kills everything in a cgroup and removes it; one that is not there is fine.
 * @throws BoxliteError `storage_error` when it does not become empty or cannot be removed
 */
export async function removeCgroup(directory: string): Promise<void> {
  if (await tryRemove(directory)) return;
  await writeFile(join(directory, 'cgroup.kill'), '1').catch((thrown: unknown) => {
    // Kernels before 5.14 have no cgroup.kill; the supervisor has ended its process already, so waiting may be enough.
    if (errnoOf(thrown) !== 'ENOENT')
      throw toBoxliteError(thrown, 'storage_error', `cannot end the processes of ${directory}`);
  });
  await becomesEmpty(directory);
  if (await tryRemove(directory)) return;
  throw new BoxliteError('storage_error', `the cgroup ${directory} still has processes after ${EMPTY_TIMEOUT_MS} ms`, {
    hint: `see which in ${join(directory, 'cgroup.procs')}`,
    details: { path: directory },
  });
}

/** False when something is still in it. */
async function tryRemove(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === 'ENOENT') return true;
    if (errno === 'EBUSY' || errno === 'ENOTEMPTY') return false;
    throw toBoxliteError(thrown, 'storage_error', `cannot remove the cgroup ${directory}`);
  }
}

/** Resolves when `cgroup.events` says `populated 0` (the kernel notifies of changes through inotify), or after the time-out. */
async function becomesEmpty(directory: string): Promise<void> {
  const events = join(directory, 'cgroup.events');
  const signal = AbortSignal.timeout(EMPTY_TIMEOUT_MS);
  await new Promise<void>((resolve) => {
    const check = () => {
      readFile(events, 'utf8').then(
        (text) => {
          if (!text.includes('populated 1')) resolve();
        },
        // Gone, or no such file in this hierarchy: the removal that follows tells.
        () => resolve(),
      );
    };
    try {
      watch(events, { signal, persistent: false }, check).on('error', () => resolve());
    } catch {
      // No notification to be had; the removal that follows tells.
      resolve();
    }
    signal.addEventListener('abort', () => resolve(), { once: true });
    check();
  });
}
