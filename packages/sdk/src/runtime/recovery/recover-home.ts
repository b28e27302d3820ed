import { readdir } from 'node:fs/promises';
import { socketLinkParent, sweepSocketLinks, sweepStaging } from '@boxlite/layout';
import { OWNER_PREFIX } from '../../box/owner-lease.js';
import { collectDiskBases } from '../../snapshot/collect-disk-bases.js';
import { recoverSnapshots } from '../../snapshot/recover-snapshots.js';
import type { RuntimeServices } from '../runtime-services.js';
import { attemptRecovery } from './attempt-recovery.js';
import { collectBases } from './collect-bases.js';
import { recoverBoot } from './recover-boot.js';
import { recoverBox } from './recover-box.js';
import { removeOrphan } from './remove-orphan.js';

/**
 * Puts right what crashes left in a home. Safe while other processes use it: whatever somebody works on is leased and left alone. What
 * cannot be put right is logged: one damaged box must not keep the others from being used.
 *
 * Directories are listed before rows are read, and a box's row is written before its directory is made, so a directory without a row is an
 * orphan.
 */
export async function recoverHome(services: RuntimeServices): Promise<void> {
  const { layout, store } = services;
  await recoverBoot(services);
  const directories = await readdir(layout.boxesDir);
  const records = await store.boxes.list();
  const owned = new Set((await store.leases.list(OWNER_PREFIX)).map(({ entity }) => entity));
  const known = new Set<string>(records.map(({ config }) => config.id));
  const orphans = directories.filter((name) => !known.has(name));
  const uid = process.getuid?.() ?? 0;
  const attempt = (what: string, action: () => Promise<unknown>) => attemptRecovery(services.log, what, action);
  await Promise.all([
    attempt('sweeping tmp', () => sweepStaging(layout.tmpDir)),
    attempt('sweeping stale socket links', () => sweepSocketLinks(socketLinkParent(uid), uid)),
    ...orphans.map((name) => attempt(`removing ${name}`, () => removeOrphan(services, name))),
    ...records.map((record) => attempt(`box ${record.config.id}`, () => recoverBox(services, record, owned))),
    ...records.map(({ config }) => attempt(`snapshots of ${config.id}`, () => recoverSnapshots(services, config.id))),
  ]);
  await attempt('collecting disks of snapshots and forks', () => collectDiskBases(services));
  await attempt('collecting guest rootfs disks', () => collectBases(services));
}
