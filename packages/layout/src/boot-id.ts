import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { BoxliteError, type LeaseHolder, toBoxliteError } from '@boxlite/core';
import { isAlive, selfIdentity } from './process-identity.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * An id that changes with every boot of the host: `/proc/sys/kernel/random/boot_id`, `kern.bootsessionuuid` on macOS.
 * @throws BoxliteError `unsupported` when the system has none
 */
export function currentBootId(platform: NodeJS.Platform = process.platform): string {
  let text: string;
  try {
    text =
      platform === 'darwin'
        ? execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' })
        : readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  } catch (thrown) {
    throw toBoxliteError(thrown, 'unsupported', 'cannot read the boot id of this host');
  }
  const id = text.trim().toLowerCase();
  if (!UUID.test(id)) {
    throw new BoxliteError('unsupported', `the boot id of this host is not a UUID: ${JSON.stringify(id.slice(0, 80))}`);
  }
  return id;
}

/** This process as a holder of leases and staging directories. */
export function currentHolder(): LeaseHolder {
  return { ...selfIdentity(), bootId: currentBootId() };
}

/** True while the holder runs. One of an earlier boot never does. */
export function isHolderAlive(holder: LeaseHolder, bootId: string = currentBootId()): boolean {
  return holder.bootId === bootId && isAlive(holder);
}
