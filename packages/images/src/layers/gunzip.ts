import type { TransformOptions } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, type ZlibOptions } from 'node:zlib';

const OUTPUT_CHUNK_BYTES = 512 * 1024;
/** Decompressed ahead of whoever reads: the thread pool goes on while the reader waits for a disk. */
const READ_AHEAD_BYTES = 2 * 1024 * 1024;

/** Decompresses gzip, also of several members, in libuv's thread pool. Closing the generator early closes the source. */
export async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const options: ZlibOptions & TransformOptions = {
    chunkSize: OUTPUT_CHUNK_BYTES,
    readableHighWaterMark: READ_AHEAD_BYTES,
  };
  const stream = createGunzip(options);
  const feeding = pipeline(source, stream).then(
    () => undefined,
    // The same error comes out of the stream below, where it is thrown to the consumer.
    (thrown: unknown) => thrown,
  );
  try {
    for await (const chunk of stream) yield chunk;
  } finally {
    stream.destroy();
    await feeding;
  }
}
