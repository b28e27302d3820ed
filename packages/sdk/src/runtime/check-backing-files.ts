import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BoxliteError, toBoxliteError } from '@boxlite/core';
import type { HomeLayout } from '@boxlite/layout';

/**
 * Makes sure that a box's disks stand on base disks of this home and on nothing else. The VMM can write the disk of its box, header
 * included: one that broke out of its guest could name any file of the host there, and be granted it at the next start.
 * @param files the backing files, as the disks name them
 * @throws BoxliteError `disk_chain_invalid` naming the file
 */
export async function checkBackingFiles(
  layout: Pick<HomeLayout, 'basesDir' | 'diskImagesDir'>,
  boxId: string,
  files: readonly string[],
): Promise<void> {
  const allowed = await Promise.all([layout.basesDir, layout.diskImagesDir].map(resolved));
  for (const file of files) {
    if (allowed.includes(dirname(await resolved(file)))) continue;
    throw new BoxliteError('disk_chain_invalid', `a disk of box ${boxId} stands on ${file}, which is no base disk`, {
      hint: 'BoxLite never writes such a name: look at the box with care, its VMM may have been taken over',
      details: { boxId, path: file },
    });
  }
}

async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot resolve ${path}`);
  }
}
