import { type FileHandle, open } from 'node:fs/promises';
import type { DiskLayer } from '../../contracts/disk-store.js';

/** Bits 9 to 55 of a table entry are an offset (qcow2 specification, "Cluster mapping"). */
const OFFSET_MASK = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED_BIT = 1n << 62n;
const ZERO_BIT = 1n;

/**
 * The first bytes a guest would read of a chain, overlay first; undefined where this reader cannot tell (compressed clusters).
 * Independent of every implementation, so that one cannot agree with itself.
 */
export async function readGuestStart(layers: readonly DiskLayer[], length: number): Promise<Buffer | undefined> {
  for (const { path, format } of layers) {
    await using file = await open(path, 'r');
    const found = format === 'raw' ? await readAt(file, 0n, length) : await readFirstCluster(file, length);
    if (found === 'compressed') return undefined;
    if (found !== 'below') return found;
  }
  return Buffer.alloc(length);
}

async function readFirstCluster(file: FileHandle, length: number): Promise<Buffer | 'below' | 'compressed'> {
  const header = await readAt(file, 0n, 104);
  const table = (await readEntry(file, header.readBigUInt64BE(40))) & OFFSET_MASK;
  if (table === 0n) return 'below';
  const entry = await readEntry(file, table);
  if ((entry & COMPRESSED_BIT) !== 0n) return 'compressed';
  if ((entry & ZERO_BIT) !== 0n) return Buffer.alloc(length);
  const cluster = entry & OFFSET_MASK;
  return cluster === 0n ? 'below' : readAt(file, cluster, length);
}

async function readEntry(file: FileHandle, offset: bigint): Promise<bigint> {
  return (await readAt(file, offset, 8)).readBigUInt64BE(0);
}

async function readAt(file: FileHandle, offset: bigint, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  await file.read({ buffer, position: Number(offset) });
  return buffer;
}
