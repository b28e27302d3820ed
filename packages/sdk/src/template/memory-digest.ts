import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type DataRange, dataRanges } from './data-ranges.js';

/** Of a block; each is hashed with its place. */
const BLOCK_BYTES = 64 * 1024;
/** Read at a time. */
const CHUNK_BYTES = 4 * 1024 * 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/**
 * SHA-256 over the blocks of a file that are not all zeros, each with its place, and over its size: what a sparse file of gigabytes holds, at the cost
 * of what was written to it, and the same wherever its holes are.
 * @returns hexadecimal
 * @throws BoxliteError `aborted`; the errno of a file that cannot be read
 */
export async function memoryDigest(path: string, signal?: AbortSignal): Promise<string> {
  // What has become a pipe is not waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat();
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let done = 0;
    for (const [first, end] of await dataRanges(file.fd, size)) {
      // Whole blocks, whatever the kernel's own unit is.
      const start = Math.max(done, first - (first % BLOCK_BYTES));
      done = await hashRange(file, [start, roundUp(end)], { hash, buffer, signal });
    }
    return hash.update(`${size}`).digest('hex');
  } finally {
    await file.close();
  }
}

const roundUp = (bytes: number) => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

/** @returns where it ended */
async function hashRange(
  file: FileHandle,
  [start, end]: DataRange,
  { hash, buffer, signal }: { readonly hash: Hash; readonly buffer: Buffer; readonly signal: AbortSignal | undefined },
): Promise<number> {
  let position = start;
  while (position < end) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - position), position);
    if (bytesRead === 0) break;
    for (let offset = 0; offset < bytesRead; offset += BLOCK_BYTES) {
      const block = buffer.subarray(offset, Math.min(offset + BLOCK_BYTES, bytesRead));
      if (!block.equals(ZEROS.subarray(0, block.length))) hash.update(`${position + offset}\n`).update(block);
    }
    position += bytesRead;
  }
  return Math.max(position, start);
}
