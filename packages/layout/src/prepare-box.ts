import { readlink, rmdir, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, toBoxliteError } from '@boxlite/core';
import type { BoxLayout } from './box-layout.js';
import { ensureSocketLinks } from './ensure-socket-links.js';
import { ensurePrivateDirectory } from './private-directory.js';

/** Target of `shared` where it is a link; relative, so that it stays right when the home moves. */
const SHARED_LINK_TARGET = 'mounts';

/** Makes the directories and links of a box (see `BoxLayout.prepare`). The home must have been prepared. */
export async function prepareBox(box: BoxLayout): Promise<void> {
  const directories = [
    dirname(box.dir),
    box.dir,
    box.socketsDir,
    box.controlDir,
    box.tmpDir,
    box.disksDir,
    // The same directory as `sharedDir` without isolation; with it, `shared` is left to whoever mounts.
    box.mountsDir,
    box.logsDir,
  ];
  for (const directory of directories) await ensurePrivateDirectory(directory, box.uid);
  if (box.isolation === 'symlink') await linkShared(box);
  await ensureSocketLinks(box);
}

async function linkShared(box: BoxLayout): Promise<void> {
  try {
    if ((await readlink(box.sharedDir)) === SHARED_LINK_TARGET) return;
  } catch (thrown) {
    // EINVAL: a directory left by a life without isolation, which may only go when it is empty.
    if (errnoOf(thrown) === 'EINVAL') await removeEmpty(box.sharedDir);
    else if (errnoOf(thrown) !== 'ENOENT')
      throw toBoxliteError(thrown, 'storage_error', `cannot read ${box.sharedDir}`);
  }
  await symlink(SHARED_LINK_TARGET, box.sharedDir).catch((thrown: unknown) => {
    throw toBoxliteError(thrown, 'storage_error', `cannot link ${box.sharedDir}`);
  });
}

async function removeEmpty(directory: string): Promise<void> {
  await rmdir(directory).catch((thrown: unknown) => {
    throw toBoxliteError(thrown, 'storage_error', `cannot replace ${directory} by a link`);
  });
}
