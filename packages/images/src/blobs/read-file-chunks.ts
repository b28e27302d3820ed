import type { FileHandle } from 'node:fs/promises';
import { throwIfAborted } from '@boxlite/core';

/** Large enough that system calls and zlib hand-overs do not show, small enough to keep memory flat. */
export const READ_CHUNK_BYTES = 256 * 1024;

/**
 * Reads an open file from its start, in fresh buffers of {@link READ_CHUNK_BYTES}, and closes it however the reading ends.
 * @throws BoxliteError `aborted`
 */
export async function* readFileChunks(
  handle: FileHandle,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    let position = 0;
    for (;;) {
      throwIfAborted(signal, 'reading a file');
      // Not from the pool: the consumer keeps the buffer while zlib works on it in another thread.
      const buffer = Buffer.allocUnsafeSlow(READ_CHUNK_BYTES);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
