import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, type BoxRecord, type SnapshotRecord, toBoxliteError, type VmmSnapshot } from '@boxlite/core';
import { type BoxLayout, createBoxId, ensurePrivateDirectory, removeTree, stage, syncDirectory } from '@boxlite/layout';
import type { LiveBox } from '../box/live-box.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { allocatedBytes } from '../storage/allocated-bytes.js';
import { type CapturedBox, captureBox } from './capture-box.js';
import { describeKeptFiles } from './kept-files.js';

/** A running box and what its snapshot is to be called. */
export interface SnapshotRequest {
  readonly record: BoxRecord;
  readonly box: BoxLayout;
  readonly live: LiveBox;
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

/** Where a snapshot keeps what the machine had in memory. */
export function snapshotFiles(
  box: Pick<BoxLayout, 'snapshotsDir'>,
  id: string,
): VmmSnapshot & { readonly dir: string } {
  const dir = join(box.snapshotsDir, id);
  return { dir, memory: join(dir, 'memory'), state: join(dir, 'state') };
}

/**
 * Takes a snapshot of a running box: memory and disk of one moment. The row comes last: without it, whatever a crash leaves is nobody's and goes when the
 * home is opened next. The caller holds the box's lease.
 * @throws BoxliteError `already_exists`, and what `captureBox` throws; nothing is left then
 */
export async function snapshotBox(services: RuntimeServices, request: SnapshotRequest): Promise<SnapshotRecord> {
  const { store, layout } = services;
  const { record, box, name } = request;
  const { id: boxId } = record.config;
  if ((await store.snapshots.get(boxId, name)) !== undefined) throw nameTaken(record, name);
  const id = createBoxId();
  const kept = snapshotFiles(box, id);
  const area = await stage(layout.tmpDir);
  try {
    const captured = await captureBox(services, { ...request, area }, 'snapshot');
    try {
      await keepFiles(box, captured.files, kept);
      const files = await describeKeptFiles(kept, request.signal);
      const made = { ...(await snapshotRecord({ id, boxId, name }, captured, kept.dir)), files };
      await store.snapshots.insert(made);
      return made;
    } catch (thrown) {
      await removeTree(kept.dir);
      throw thrown;
    } finally {
      await captured.disk.release();
    }
  } finally {
    await area.remove();
  }
}

async function snapshotRecord(
  identity: Pick<SnapshotRecord, 'id' | 'boxId' | 'name'>,
  { machine, disk }: CapturedBox,
  directory: string,
): Promise<SnapshotRecord> {
  return {
    ...identity,
    createdAt: Date.now(),
    containerDiskBytes: disk.virtualSize,
    sizeBytes: disk.sizeBytes + (await allocatedBytes(directory)),
    baseDiskId: disk.id,
    machine,
  };
}

/** Their content is durable already. */
async function keepFiles(box: BoxLayout, made: VmmSnapshot, kept: ReturnType<typeof snapshotFiles>): Promise<void> {
  try {
    await ensurePrivateDirectory(box.snapshotsDir, box.uid);
    await ensurePrivateDirectory(kept.dir, box.uid);
    await rename(made.memory, kept.memory);
    await rename(made.state, kept.state);
    for (const directory of [kept.dir, box.snapshotsDir, box.dir]) await syncDirectory(directory);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot keep the snapshot in ${kept.dir}`);
  }
}

function nameTaken({ config }: BoxRecord, name: string): BoxliteError {
  const box = config.name ?? config.id;
  return new BoxliteError('already_exists', `box ${box} has a snapshot ${JSON.stringify(name)} already`, {
    hint: `choose another name, or remove that one first: boxlite snapshot rm ${box} ${name}`,
    details: { field: 'name', value: name },
  });
}
