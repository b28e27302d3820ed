import { lutimes } from 'node:fs/promises';

/**
 * Notes that an image disk has just been used, in its modification time: durable without a sync, one inode in memory, and nobody else's
 * business, for the content of a disk never changes. A symbolic link is not followed.
 * @throws the system's error
 */
export async function touchImageDisk(path: string, now = Date.now()): Promise<void> {
  await lutimes(path, now / 1000, now / 1000);
}
