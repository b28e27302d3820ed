import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Caches that live in `tmp/` for good and are no staging. */
const KEPT = /^(?:elf-closure|seccomp)-[a-z0-9-]+\.json$/;

/** Files of a home that a failure must not add to: staging, and disks others could start from. */
export async function installedFiles(home: string): Promise<readonly string[]> {
  const directories = ['tmp', 'bases', 'images/disk-images'];
  const lists = await Promise.all(
    directories.map(async (directory) =>
      (await readdir(join(home, directory), { recursive: true }))
        .filter((name) => directory !== 'tmp' || !KEPT.test(name))
        .map((name) => join(directory, name)),
    ),
  );
  return lists.flat().sort();
}
