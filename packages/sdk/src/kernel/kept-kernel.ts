import { createHash } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { digestHex, errnoOf, type KernelRecord } from '@boxlite/core';
import type { HomeLayout } from '@boxlite/layout';
import type { ChosenKernel } from './kernel-service.js';

/** Source of the kernels that boxes name as files. */
export const FILE_SOURCE = 'file';

/**
 * The copy a home has of a kernel's file that is gone. A file that is there is always the one that counts, also when it is no use any more.
 * @param recorded the kernel of the box's last start
 * @param path of the file
 * @returns undefined when the file is there, or there is no whole copy of it
 */
export async function keptKernel(
  layout: Pick<HomeLayout, 'kernel'>,
  recorded: KernelRecord | undefined,
  path: string,
): Promise<ChosenKernel | undefined> {
  if (recorded?.source !== FILE_SOURCE || (await exists(path))) return undefined;
  const { digest, version, source } = recorded;
  const copy = layout.kernel(digestHex(digest));
  if ((await sha256Of(copy)) !== digestHex(digest)) return undefined;
  return { path: copy, digest, version, source, origin: `the copy of ${path} in this home` };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    return errno !== 'ENOENT' && errno !== 'ENOTDIR';
  }
}

async function sha256Of(path: string): Promise<string | undefined> {
  try {
    return createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined; // Removed, or not to be read: then there is no copy.
  }
}
