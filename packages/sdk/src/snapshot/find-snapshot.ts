import { BoxliteError, type BoxRecord, type SnapshotRecord } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/** @throws BoxliteError `not_found` (field `snapshot`) naming those there are */
export async function findSnapshot(
  { store }: Pick<RuntimeServices, 'store'>,
  { config }: BoxRecord,
  name: string,
): Promise<SnapshotRecord> {
  const found = await store.snapshots.get(config.id, name);
  if (found !== undefined) return found;
  const names = (await store.snapshots.list(config.id)).map((snapshot) => snapshot.name);
  throw new BoxliteError('not_found', `box ${config.name ?? config.id} has no snapshot ${JSON.stringify(name)}`, {
    hint: names.length === 0 ? 'it has none at all' : `it has ${names.join(', ')}`,
    details: { field: 'snapshot', snapshots: names },
  });
}
