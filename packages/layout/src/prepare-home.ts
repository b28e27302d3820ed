import { chmod, lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import type { HomeLayout } from './home-layout.js';
import { ensurePrivateDirectory, foreignOwner, PRIVATE_DIRECTORY_MODE } from './private-directory.js';
import { HOME_VARIABLE } from './resolve-home.js';
import { checkSameFilesystem } from './same-filesystem.js';

/** Device number of the file system a path is on. */
export type StatDevice = (path: string) => Promise<number | bigint>;

const statDeviceNumber: StatDevice = async (path) => (await stat(path, { bigint: true })).dev;

/**
 * Makes the home and every directory of it, mode 0700 whatever the umask, then checks that installs by rename can work.
 *
 * An existing home that is open to group or others is closed (0700) when it is empty or already a BoxLite home. It is refused when
 * everybody may write to it, or when it holds other things: closing somebody's project directory is not ours to do.
 * @throws BoxliteError `permission_denied` when the home belongs to somebody else; `config_error` when it is open as said above or
 *   spans file systems; `storage_error` when a directory cannot be made
 */
export async function prepareHome(layout: HomeLayout, uid: number, statDevice = statDeviceNumber): Promise<void> {
  await makeHome(layout, uid);
  // Parents before children.
  const directories = [
    layout.dbDir,
    layout.imagesDir,
    layout.layersDir,
    layout.extractedDir,
    layout.diskImagesDir,
    layout.manifestsDir,
    layout.configsDir,
    layout.localDir,
    layout.boxesDir,
    layout.basesDir,
    layout.kernelsDir,
    layout.templatesDir,
    layout.locksDir,
    layout.logsDir,
    layout.tmpDir,
  ];
  for (const directory of directories) await ensurePrivateDirectory(directory, uid);
  await checkSameFilesystem(
    [layout.tmpDir, layout.basesDir, layout.diskImagesDir, layout.layersDir, layout.boxesDir, layout.templatesDir],
    statDevice,
  );
}

async function makeHome(layout: HomeLayout, uid: number): Promise<void> {
  await makeAncestors(dirname(layout.home));
  try {
    await mkdir(layout.home, { mode: PRIVATE_DIRECTORY_MODE });
    await chmod(layout.home, PRIVATE_DIRECTORY_MODE);
    return;
  } catch (thrown) {
    // An existing home is checked below.
    if (errnoOf(thrown) !== 'EEXIST') throw cannotMake(layout.home, thrown);
  }
  // The home may be a symbolic link to a larger disk, made by the user or by root.
  const [link, target] = await Promise.all([lstat(layout.home), stat(layout.home)]).catch((thrown: unknown) => {
    throw toBoxliteError(thrown, 'storage_error', `cannot read the BoxLite home ${layout.home}`);
  });
  if (target.uid !== uid) throw foreignOwner(layout.home, target.uid, uid, HOME_VARIABLE);
  if (link.uid !== uid && link.uid !== 0) throw foreignOwner(layout.home, link.uid, uid, HOME_VARIABLE);
  if (!target.isDirectory()) throw refuse(layout.home, 'is not a directory', 'set BOXLITE_HOME to a directory');
  const mode = target.mode & 0o7777;
  if (mode === PRIVATE_DIRECTORY_MODE) return;
  await checkMayClose(layout, mode);
  await chmod(layout.home, PRIVATE_DIRECTORY_MODE).catch((thrown: unknown) => {
    throw toBoxliteError(thrown, 'storage_error', `cannot set the mode of ${layout.home}`);
  });
}

async function checkMayClose(layout: HomeLayout, mode: number): Promise<void> {
  if ((mode & 0o002) !== 0) {
    throw refuse(
      layout.home,
      'can be written by everybody, so what it holds may have been planted',
      `look at its content, then run: chmod 700 ${layout.home}`,
    );
  }
  const names = await readdir(layout.home).catch((thrown: unknown) => {
    throw toBoxliteError(thrown, 'storage_error', `cannot read the BoxLite home ${layout.home}`);
  });
  const isOurs = names.includes('boxes') && names.includes('db');
  if (names.length > 0 && !isOurs) {
    throw refuse(
      layout.home,
      `is open to other users (mode ${mode.toString(8)}) and holds files that are not BoxLite's`,
      'set BOXLITE_HOME to a new or empty directory',
    );
  }
}

function cannotMake(path: string, thrown: unknown): BoxliteError {
  const error = toBoxliteError(thrown, 'storage_error', `cannot make directory ${path}`);
  if (error.hint !== undefined) return error;
  return new BoxliteError(error.code, error.message, {
    hint: 'set BOXLITE_HOME to a directory below one that you may write to',
    cause: thrown,
    details: { field: HOME_VARIABLE, path },
  });
}

/** Missing ancestors are made private too, one at a time: a recursive mkdir would leave them to the umask. */
async function makeAncestors(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: PRIVATE_DIRECTORY_MODE });
  } catch (thrown) {
    const errno = errnoOf(thrown);
    // EISDIR is what some systems say of "/"; EROFS and EACCES of a directory that exists on a read-only or foreign parent.
    if (errno === 'EEXIST' || errno === 'EISDIR') return;
    if (errno !== 'ENOENT' || dirname(path) === path) {
      if (await isDirectory(path)) return;
      throw cannotMake(path, thrown);
    }
    await makeAncestors(dirname(path));
    await mkdir(path, { mode: PRIVATE_DIRECTORY_MODE }).catch((again: unknown) => {
      if (errnoOf(again) !== 'EEXIST') throw cannotMake(path, again);
    });
  }
  await chmod(path, PRIVATE_DIRECTORY_MODE);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false; // the caller reports why it could not be made, which says more
  }
}

function refuse(home: string, why: string, hint: string): BoxliteError {
  return new BoxliteError('config_error', `the BoxLite home ${home} ${why}`, {
    hint,
    details: { field: HOME_VARIABLE, path: home },
  });
}
