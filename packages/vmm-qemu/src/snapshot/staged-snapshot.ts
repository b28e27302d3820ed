import { constants } from 'node:fs';
import { type FileHandle, link, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError, type VmmSnapshot } from '@boxlite/core';

/** Owner only: both files hold what the guest had in memory. */
const MODE = 0o600;

/** The two files of a snapshot while they are written. Closing it without `commit` removes them. */
export interface StagedSnapshot extends AsyncDisposable {
  readonly memory: FileHandle;
  readonly state: FileHandle;
  /**
   * Gives the files their names.
   * @param isDurable they are to survive a power cut once it resolves
   * @throws BoxliteError `already_exists`, `disk_full`, `storage_error`; then neither is left
   */
  commit(isDurable: boolean): Promise<void>;
}

/**
 * Makes two empty files beside the ones to be.
 * @throws BoxliteError `already_exists` when another capture to the same place is under way, `storage_error`, `disk_full`
 */
export async function stageSnapshot(target: VmmSnapshot): Promise<StagedSnapshot> {
  const memory = await openStaged(target.memory);
  const state = await openStaged(target.state).catch(async (thrown: unknown) => {
    await discard(memory, staged(target.memory));
    throw thrown;
  });
  return {
    memory,
    state,
    async commit(isDurable) {
      if (isDurable) await Promise.all([guarded(memory.sync()), guarded(state.sync())]);
      await name(target.memory);
      try {
        await name(target.state);
        if (isDurable) for (const directory of directoriesOf(target)) await guarded(syncDirectory(directory));
      } catch (thrown) {
        await rm(target.memory);
        if (!BoxliteError.isInstance(thrown, 'already_exists')) await rm(target.state, { force: true });
        throw thrown;
      }
    },
    async [Symbol.asyncDispose]() {
      await discard(memory, staged(target.memory));
      await discard(state, staged(target.state));
    },
  };
}

const staged = (path: string) => `${path}.partial`;

const directoriesOf = ({ memory, state }: VmmSnapshot) => new Set([dirname(memory), dirname(state)]);

async function openStaged(path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  return guarded(open(staged(path), flags, MODE));
}

/** A link, where a rename would replace what is there. */
async function name(path: string): Promise<void> {
  await guarded(link(staged(path), path));
}

async function discard(file: FileHandle, path: string): Promise<void> {
  await file.close();
  await rm(path, { force: true });
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await directory.sync();
}

async function guarded<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (thrown) {
    const isThere = errnoOf(thrown) === 'EEXIST';
    throw toBoxliteError(thrown, isThere ? 'already_exists' : 'storage_error', 'writing a snapshot');
  }
}
