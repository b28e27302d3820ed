import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Of a block; holes are made of whole ones. */
const BLOCK_BYTES = 64 * 1024;
/** Read at a time. */
const CHUNK_BYTES = 4 * 1024 * 1024;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/**
 * SHA-256 over the blocks of a file that are not all zeros, each with its place, and over its size: what a sparse file of gigabytes holds, at the cost
 * of what was written to it.
 * @returns hexadecimal
 * @throws BoxliteError `aborted`; the errno of a file that cannot be read
 */
export async function memoryDigest(path: string, signal?: AbortSignal): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let position = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, position);
      if (bytesRead === 0) break;
      for (let offset = 0; offset < bytesRead; offset += BLOCK_BYTES) {
        const block = buffer.subarray(offset, Math.min(offset + BLOCK_BYTES, bytesRead));
        if (block.equals(ZEROS.subarray(0, block.length))) continue;
        hash.update(`${position + offset}\n`).update(block);
      }
      position += bytesRead;
    }
    return hash.update(`${position}`).digest('hex');
  } finally {
    await file.close();
  }
}
