import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Boxlite } from '@boxlite/sdk';
import { builtPackage } from './packages.mjs';

/** Guest memory of every machine of a bench, in MiB. */
export const MEMORY_MIB = 256;

/**
 * Runs an action over a home in which one box of the starter image has run already, so that nothing is left to convert or to look for.
 * @param action is given the open runtime, the files a bare machine needs, and `remove(box)`, which ends a box at once
 */
export async function withWarmHome(directory, action) {
  const homeDir = join(directory, 'home');
  // None is made beside what is measured; a bench that measures starts from one builds it.
  const boxlite = await Boxlite.open({ homeDir, templates: { use: true, make: false } });
  const remove = (box) => boxlite.remove(box.id, { force: true });
  try {
    const first = await boxlite.create({ memoryMib: MEMORY_MIB });
    await first.run('true');
    await remove(first);
    return await action({ boxlite, homeDir, remove, parts: await findParts(homeDir) });
  } finally {
    await boxlite.shutdown({ graceMs: 0 });
  }
}

/** The kernel and the two base disks the product uses in this home, and copy-on-write disks like those it makes. */
async function findParts(homeDir) {
  const only = async (directory) =>
    join(
      directory,
      (await readdir(directory)).find((name) => !name.endsWith('.json')),
    );
  const { createQcow2DiskStore } = await builtPackage('disk-qcow2');
  const disks = createQcow2DiskStore();
  const imageDisk = await only(join(homeDir, 'images/disk-images'));
  return {
    kernel: await only(join(homeDir, 'kernels')),
    rootfsDisk: await only(join(homeDir, 'bases')),
    /** Makes the directory of a bare machine, with its container disk. */
    async prepareMachine(path) {
      await mkdir(path, { recursive: true, mode: 0o700 });
      const containerDisk = join(path, 'disk.qcow2');
      await disks.createChild(containerDisk, { path: imageDisk, format: 'raw' });
      return { directory: path, containerDisk };
    },
  };
}
