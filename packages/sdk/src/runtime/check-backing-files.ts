import { lstat, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BoxliteError, type FileIdentity, toBoxliteError } from '@boxlite/core';
import type { HomeLayout } from '@boxlite/layout';

/** The files below a box's disks, as the disks name them. */
export interface BackingFiles {
  /** The nearest to the container disk first. */
  readonly files: readonly string[];
  /** What those names led to when they were looked at; a grant holds for that alone. */
  readonly identities: ReadonlyMap<string, FileIdentity>;
  /** What the container disk was made over, as recorded; undefined for a box from before that was. */
  readonly recordedBase: string | undefined;
}

/**
 * Makes sure that a box's disks stand on their own base disks and on nothing else. The VMM can write the disk of its box, header
 * included: one that broke out of its guest could name any file of the host there, or the disk of another image, and be granted it at the next start.
 * @throws BoxliteError `disk_chain_invalid` naming the file
 */
export async function checkBackingFiles(
  layout: Pick<HomeLayout, 'basesDir' | 'diskImagesDir'>,
  boxId: string,
  { files, identities, recordedBase }: BackingFiles,
): Promise<void> {
  const [nearest] = files;
  if (recordedBase !== undefined && nearest !== undefined && nearest !== recordedBase) {
    throw refused(boxId, nearest, 'which is not what it was made over');
  }
  const allowed = await Promise.all([layout.basesDir, layout.diskImagesDir].map(resolved));
  for (const file of files) {
    const path = await resolved(file);
    if (!allowed.includes(dirname(path)) || !(await isIdentical(path, identities.get(file)))) {
      throw refused(boxId, file, 'which is no base disk');
    }
  }
}

function refused(boxId: string, path: string, why: string): BoxliteError {
  return new BoxliteError('disk_chain_invalid', `a disk of box ${boxId} stands on ${path}, ${why}`, {
    hint: 'BoxLite never writes such a name: look at the box with care, its VMM may have been taken over',
    details: { boxId, path },
  });
}

/** A name that led through a link could lead elsewhere a moment later: what is granted is the file that is checked here. */
async function isIdentical(path: string, identity: FileIdentity | undefined): Promise<boolean> {
  const { dev, ino } = await lstat(path, { bigint: true });
  return identity !== undefined && String(dev) === identity.device && String(ino) === identity.inode;
}

async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot resolve ${path}`);
  }
}
