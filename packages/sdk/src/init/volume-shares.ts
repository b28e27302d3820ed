import { chmod, mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { type BoxLayout, PRIVATE_DIRECTORY_MODE, removeTree } from '@boxlite/layout';
import { type CheckedVolume, volumeBecameAnother } from '../options/volume.js';
import { linkFile } from './link-file.js';

/** What a VMM shares for one volume: a directory, for a single file one that holds nothing else. */
export interface VolumeShare {
  readonly tag: string;
  readonly hostPath: string;
  readonly readOnly: boolean;
  /** The file in it that is the volume; absent: the directory is. */
  readonly file?: string;
}

const STAGED = /^uservol\d+$/;

/**
 * Prepares the shares of a start. A directory is shared where it is; a single file is linked into a directory of its own below the
 * box's `shared/`, so that its neighbours are not shared with it and what the guest writes reaches the file itself.
 * @param undo told how to take back what was made, before anything is
 * @throws BoxliteError `config_error` naming a file that cannot be linked, or is no longer the one that was checked
 */
export async function prepareShares(
  box: Pick<BoxLayout, 'sharedDir'>,
  volumes: readonly CheckedVolume[],
  undo: (run: () => Promise<void>) => void,
): Promise<readonly VolumeShare[]> {
  // Of an earlier start: the file of that name may be another one now.
  await removeShares(box);
  if (volumes.some(({ kind }) => kind === 'file')) undo(() => removeShares(box));
  return Promise.all(
    volumes.map(async (volume, index) => {
      const { tag, hostPath, readOnly } = volume;
      if (volume.kind === 'directory') return { tag, hostPath, readOnly };
      const directory = join(box.sharedDir, tag);
      const file = basename(hostPath);
      await mkdir(directory, { mode: 0o700 });
      const isLinked = await linkFile(hostPath, join(directory, file), volume.identity).catch((cause: unknown) => {
        throw cannotLink(volume, index, cause);
      });
      if (!isLinked) throw volumeBecameAnother(volume, index);
      return { tag, hostPath: directory, readOnly, file };
    }),
  );
}

/** Removes the links of single files. Nothing of the box runs. */
export async function removeShares(box: Pick<BoxLayout, 'sharedDir'>): Promise<void> {
  let names: string[];
  try {
    // The VMM writes there, and can have taken away its mode.
    await chmod(box.sharedDir, PRIVATE_DIRECTORY_MODE);
    names = await readdir(box.sharedDir);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return;
    throw toBoxliteError(thrown, 'storage_error', `cannot read ${box.sharedDir}`);
  }
  const staged = names.filter((name) => STAGED.test(name));
  await Promise.all(staged.map((name) => removeTree(join(box.sharedDir, name))));
}

function cannotLink({ hostPath }: CheckedVolume, index: number, cause: unknown): BoxliteError {
  const otherFileSystem = errnoOf(cause) === 'EXDEV';
  const why = otherFileSystem
    ? 'is a single file on another file system than the BoxLite home'
    : `is a single file that cannot be linked (${errnoOf(cause) ?? String(cause)})`;
  return new BoxliteError('config_error', `volume ${JSON.stringify(hostPath)} ${why}`, {
    hint: otherFileSystem
      ? 'share the directory that contains it, or put BOXLITE_HOME on its file system'
      : 'share the directory that contains it, or a file you own',
    cause,
    details: { field: `volumes.${index}.hostPath`, path: hostPath },
  });
}
