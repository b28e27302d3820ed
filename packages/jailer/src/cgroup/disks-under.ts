import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf } from '@boxlite/core';
import { unescapeOctal } from './cgroup-hierarchy.js';

const MINOR_BITS = 20n;

/**
 * The whole disks under some files, `major:minor`, which is what io.max takes; a partition is none. Empty for file systems in memory, over a network,
 * or whose device cannot be told.
 * @param paths that exist; others are passed over
 * @param mountinfo text of `/proc/self/mountinfo`
 * @param blockDevices where the kernel lists block devices by number
 */
export function disksUnder(
  paths: readonly string[],
  mountinfo: string,
  blockDevices = '/sys/dev/block',
): readonly string[] {
  const disks = new Set<string>();
  for (const path of paths) {
    try {
      const number = numberOf(path, mountinfo);
      const disk = number === undefined ? undefined : wholeDisk(number, blockDevices);
      if (disk !== undefined) disks.add(disk);
    } catch (thrown) {
      // Gone, or not for this user to look at: no disk to be told.
      if (errnoOf(thrown) === undefined) throw thrown;
    }
  }
  return [...disks].sort();
}

function numberOf(path: string, mountinfo: string): string | undefined {
  const number = deviceNumber(statSync(path, { bigint: true }).dev);
  if (!number.startsWith('0:')) return number;
  // btrfs and others number their file systems themselves; the mount names the device.
  const source = mountSource(realpathSync(path), mountinfo);
  return source?.startsWith('/dev/') ? deviceNumber(statSync(source, { bigint: true }).rdev) : undefined;
}

/** glibc's encoding of a device number (makedev(3)). */
export function deviceNumber(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n);
  const minor = (device & 0xffn) | ((device >> 12n) & ((1n << MINOR_BITS) - 0x100n));
  return `${major}:${minor}`;
}

/** What is mounted at the deepest mount point above the path; of several at one place the last, which covers the others. */
function mountSource(path: string, mountinfo: string): string | undefined {
  let deepest = '';
  let source: string | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ', 2);
    const point = unescapeOctal(before?.split(' ')[4] ?? '');
    const isAbove = point === '/' || point === path || path.startsWith(`${point}/`);
    if (point === '' || !isAbove || point.length < deepest.length) continue;
    deepest = point;
    source = unescapeOctal(after?.split(' ')[1] ?? '');
  }
  return source;
}

function wholeDisk(number: string, blockDevices: string): string | undefined {
  const entry = join(blockDevices, number);
  if (!existsSync(entry)) return undefined;
  if (!existsSync(join(entry, 'partition'))) return number;
  return readFileSync(join(dirname(realpathSync(entry)), 'dev'), 'utf8').trim();
}
