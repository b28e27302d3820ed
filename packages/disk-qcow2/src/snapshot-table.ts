import { diskInvalid } from './disk-errors.js';
import { type DiskFile, readAt } from './disk-file.js';
import type { Qcow2Header } from './header.js';
import { MAX_L1_BYTES, MAX_SNAPSHOT_TABLE_BYTES } from './limits.js';

/** Byte offsets and length of a snapshot's fixed part (qcow2 specification, "Snapshots"). */
const Field = { l1TableOffset: 0, l1Size: 8, idBytes: 12, nameBytes: 14, extraBytes: 36 } as const;
const FIXED_BYTES = 40;

/** Where the tables of an internal snapshot are. */
export interface InternalSnapshot {
  readonly l1TableOffset: number;
  /** Entries. */
  readonly l1Size: number;
}

/** The internal snapshots of a disk. */
export interface SnapshotTable {
  readonly snapshots: readonly InternalSnapshot[];
  /** Of the table. */
  readonly bytes: number;
}

/** @throws BoxliteError `disk_invalid` (field `snapshot_table`) */
export async function readSnapshotTable(disk: DiskFile, header: Qcow2Header): Promise<SnapshotTable> {
  if (header.snapshotCount === 0) return { snapshots: [], bytes: 0 };
  const area = await readAt(disk, header.snapshotsOffset, MAX_SNAPSHOT_TABLE_BYTES);
  return parseSnapshotTable(area, header, disk);
}

/**
 * @param area the file from the table's beginning on, at most {@link MAX_SNAPSHOT_TABLE_BYTES}
 * @throws BoxliteError `disk_invalid` (field `snapshot_table`)
 */
export function parseSnapshotTable(
  area: Buffer,
  header: Pick<Qcow2Header, 'snapshotCount' | 'clusterBits'>,
  file: { readonly path: string; readonly size: number },
): SnapshotTable {
  const snapshots: InternalSnapshot[] = [];
  let at = 0;
  for (let number = 0; number < header.snapshotCount; number++) {
    const refuse = (why: string) => diskInvalid(file.path, 'snapshot_table', `snapshot ${number}: ${why}`);
    if (at + FIXED_BYTES > area.length) throw refuse('the table ends inside it');
    const offset = area.readBigUInt64BE(at + Field.l1TableOffset);
    const l1Size = area.readUInt32BE(at + Field.l1Size);
    const isInside = offset + BigInt(l1Size * 8) <= BigInt(file.size);
    if (offset % BigInt(2 ** header.clusterBits) !== 0n || l1Size * 8 > MAX_L1_BYTES || !isInside) {
      throw refuse(`an L1 table of ${l1Size} entries at ${offset}`);
    }
    snapshots.push({ l1TableOffset: Number(offset), l1Size });
    const variable =
      area.readUInt32BE(at + Field.extraBytes) +
      area.readUInt16BE(at + Field.idBytes) +
      area.readUInt16BE(at + Field.nameBytes);
    at += Math.ceil((FIXED_BYTES + variable) / 8) * 8;
    if (at > Math.ceil(area.length / 8) * 8) throw refuse('the table ends inside it');
  }
  return { snapshots, bytes: at };
}
