import { join } from 'node:path';
import type { BaseDiskRecord, BoxRecord, SnapshotRecord } from '@boxlite/core';
import { boxLabel } from '../images/image-users.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { allocatedBytes } from './allocated-bytes.js';
import type { SnapshotState } from './storage-snapshot.js';

/** The snapshots of every box with their disks, and the disks that forks stand on. */
export async function readSnapshots({ store, layout }: RuntimeServices): Promise<readonly SnapshotState[]> {
  const boxes = await store.boxes.list();
  const bases = [...(await store.baseDisks.list('snapshot')), ...(await store.baseDisks.list('clone_base'))];
  const states: SnapshotState[] = [];
  const seen = new Set<string>();
  for (const box of boxes) {
    for (const snapshot of await store.snapshots.list(box.config.id)) {
      const base = bases.find(({ id }) => id === snapshot.baseDiskId);
      if (base !== undefined) seen.add(base.id);
      states.push(await snapshotState(box, snapshot, base));
    }
  }
  for (const base of bases) {
    if (!seen.has(base.id)) states.push(await sharedDiskState(base));
  }
  return states;

  async function snapshotState(
    box: BoxRecord,
    snapshot: SnapshotRecord,
    base: BaseDiskRecord | undefined,
  ): Promise<SnapshotState> {
    const memory = await allocatedBytes(join(layout.box(box.config.id).snapshotsDir, snapshot.id));
    const disk = base === undefined ? 0 : await allocatedBytes(base.basePath);
    return {
      name: `${boxLabel(box)}:${snapshot.name}`,
      bytes: memory + disk,
      users: [...new Set([boxLabel(box), ...(base === undefined ? [] : await usersOf(base))])],
    };
  }

  async function sharedDiskState(base: BaseDiskRecord): Promise<SnapshotState> {
    const users = await usersOf(base);
    const what = base.kind === 'snapshot' ? 'disk of a snapshot' : 'disk of forks';
    return { name: `${what} of ${label(base.sourceBoxId)}`, bytes: await allocatedBytes(base.basePath), users };
  }

  async function usersOf({ id }: BaseDiskRecord): Promise<readonly string[]> {
    return (await store.baseDisks.referencedBy(id)).map(label);
  }

  function label(id: string): string {
    const box = boxes.find(({ config }) => config.id === id);
    return box === undefined ? id : boxLabel(box);
  }
}
