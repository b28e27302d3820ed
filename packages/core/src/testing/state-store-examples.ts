import type { BaseDiskRecord, BoxConfigRecord, BoxStateRecord, SnapshotRecord } from '../contracts/state-store.js';
import { parseBaseDiskId, parseBoxId } from '../ids/box-id.js';

/** A configured box. */
export function exampleBox(
  id: string,
  name?: string,
): { readonly config: BoxConfigRecord; readonly state: BoxStateRecord } {
  return {
    config: {
      id: parseBoxId(id),
      ...(name === undefined ? {} : { name }),
      createdAt: 1_700_000_000_000,
      options: { image: 'alpine', env: { GREETING: 'grüß dich' }, nested: [1, null, { deep: true }] },
    },
    state: { status: 'configured', updatedAt: 1_700_000_000_000.5 },
  };
}

export function exampleBaseDisk(id: string, members: Partial<BaseDiskRecord> = {}): BaseDiskRecord {
  return {
    id: parseBaseDiskId(id),
    sourceBoxId: '__global__',
    kind: 'rootfs',
    basePath: `/home/bases/${id}.ext4`,
    containerDiskBytes: 0,
    sizeBytes: 4096,
    createdAt: 1_700_000_000,
    ...members,
  };
}

export function exampleSnapshot(id: string, boxId: string, members: Partial<SnapshotRecord> = {}): SnapshotRecord {
  return {
    id,
    boxId: parseBoxId(boxId),
    name: `name of ${id}`,
    createdAt: 1_700_000_000,
    containerDiskBytes: 1,
    sizeBytes: 2,
    ...members,
  };
}
