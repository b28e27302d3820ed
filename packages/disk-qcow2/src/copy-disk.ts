import type { ChainReader } from './chain-reader.js';
import type { FlatTarget } from './flat-target.js';
import { CLUSTER_BYTES, COPY_CHUNK_BYTES } from './limits.js';

/** Pieces read or written at a time: Node has four threads for it. */
const PIECES_IN_FLIGHT = 4;
const ZEROS = Buffer.alloc(CLUSTER_BYTES);

/**
 * Copies what a disk holds, several pieces at a time, each placed after the one before it. When it throws, nothing is under way any more.
 * @param checkpoint throws when it is to end
 */
export async function copyDisk(
  reader: ChainReader,
  target: FlatTarget,
  virtualSize: number,
  checkpoint: () => void,
): Promise<void> {
  const lanes = Array.from({ length: PIECES_IN_FLIGHT }, () => ({
    buffer: Buffer.alloc(COPY_CHUNK_BYTES),
    done: Promise.resolve(),
  }));
  const failures: unknown[] = [];
  let placed: Promise<unknown> = Promise.resolve();
  try {
    let turn = 0;
    for await (const { offset, length } of piecesOf(reader, virtualSize)) {
      checkpoint();
      const lane = lanes[turn++ % lanes.length];
      if (lane === undefined) break;
      await lane.done;
      if (failures.length > 0) break;
      const bytes = lane.buffer.subarray(0, length);
      // The stores are begun in the order of the disk; the lane is free when its own have ended.
      const stores = Promise.all([reader.read(offset, bytes), placed]).then(() => ({
        stored: storeUnlessZero(target, offset, bytes),
      }));
      placed = stores;
      lane.done = stores
        .then(({ stored }) => stored)
        .then(undefined, (thrown: unknown) => {
          failures.push(thrown);
        });
    }
  } finally {
    await Promise.all(lanes.map(({ done }) => done));
  }
  if (failures.length > 0) throw failures[0];
}

/** The pieces of a disk that may hold something, at most {@link COPY_CHUNK_BYTES} each, beginning at clusters of the written disks. */
async function* piecesOf(reader: ChainReader, virtualSize: number) {
  for (let offset = 0; offset < virtualSize; ) {
    const range = await reader.locate(offset, virtualSize - offset);
    const zeroClusters = range.kind === 'zero' ? Math.floor(range.length / CLUSTER_BYTES) : 0;
    if (zeroClusters > 0) {
      offset += zeroClusters * CLUSTER_BYTES;
      continue;
    }
    const length = Math.min(COPY_CHUNK_BYTES, virtualSize - offset);
    yield { offset, length };
    offset += length;
  }
}

/** Stores the runs of granules that are not all zeros. */
async function storeUnlessZero(target: FlatTarget, offset: number, bytes: Buffer): Promise<void> {
  const { granuleBytes } = target;
  const stores: Promise<void>[] = [];
  let runStart: number | undefined;
  for (let at = 0; ; at += granuleBytes) {
    const isEnd = at >= bytes.length;
    const end = Math.min(at + granuleBytes, bytes.length);
    if (!isEnd && ZEROS.compare(bytes, at, end, 0, end - at) !== 0) runStart ??= at;
    else if (runStart !== undefined) {
      stores.push(target.put(offset + runStart, bytes.subarray(runStart, Math.min(at, bytes.length))));
      runStart = undefined;
    }
    if (isEnd) break;
  }
  await Promise.allSettled(stores);
  await Promise.all(stores);
}
