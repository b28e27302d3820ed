import type { DiskHandle } from '../src/index.js';
import { qemuIo } from './qemu-tools.js';

type Random = (below: number) => number;

/** One change of a disk. `discard` says nothing about what is read afterwards but in whole clusters. */
export interface DiskChange {
  readonly kind: 'write' | 'zero' | 'discard';
  readonly offset: number;
  readonly length: number;
  /** The byte written. */
  readonly fill: number;
}

/** Sizes and places on which mistakes sit: around clusters, sectors, and the end. */
export function randomChange(random: Random, diskBytes: number, clusterBytes: number): DiskChange {
  const kind = (['write', 'write', 'write', 'zero', 'discard'] as const)[random(5)] ?? 'write';
  const place = random(diskBytes);
  const offset = random(3) === 0 ? place - (place % clusterBytes) : random(8) === 0 ? place - (place % 512) : place;
  const scale = [16, 512, clusterBytes, clusterBytes * 3, diskBytes / 4][random(5)] ?? 512;
  const wanted = random(4) === 0 ? Math.ceil(scale / clusterBytes) * clusterBytes : 1 + random(Math.ceil(scale));
  const length = random(20) === 0 ? diskBytes - offset : Math.min(wanted, diskBytes - offset);
  return { kind, offset, length, fill: 1 + random(255) };
}

/** What the disk must hold after a change, as QEMU would have it. */
export function applyToModel(model: Buffer, change: DiskChange, clusterBytes: number): void {
  const { kind, offset, length, fill } = change;
  if (kind === 'write') model.fill(fill, offset, offset + length);
  else if (kind === 'zero') model.fill(0, offset, offset + length);
  else {
    const end = offset + length;
    const from = Math.ceil(offset / clusterBytes) * clusterBytes;
    const to = end === model.length ? end : end - (end % clusterBytes);
    if (from < to) model.fill(0, from, to);
  }
}

export async function applyToHandle(disk: DiskHandle, change: DiskChange): Promise<void> {
  const { kind, offset, length, fill } = change;
  if (kind === 'write') await disk.write(offset, Buffer.alloc(length, fill));
  else if (kind === 'zero') await disk.writeZeroes(offset, length);
  else await disk.discard(offset, length);
}

/** The same through QEMU, in one process. */
export async function applyWithQemu(path: string, changes: readonly DiskChange[]): Promise<void> {
  const commands = changes.map(({ kind, offset, length, fill }) => {
    if (kind === 'write') return `write -q -P ${fill} ${offset} ${length}`;
    return kind === 'zero' ? `write -q -z -u ${offset} ${length}` : `discard -q ${offset} ${length}`;
  });
  await qemuIo(path, 'qcow2', ...commands);
}

/** Where two buffers differ first, for messages. */
export function firstDifference(model: Buffer, found: Buffer): string | undefined {
  if (model.equals(found)) return undefined;
  if (model.length !== found.length) return `${found.length} bytes instead of ${model.length}`;
  const at = model.findIndex((byte, index) => byte !== found[index]);
  return `at ${at}: ${found[at]} instead of ${model[at]}`;
}
