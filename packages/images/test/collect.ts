import { createHash } from 'node:crypto';

/** Everything a stream yields. */
export async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** For comparing large buffers: vitest looks at each byte. */
export function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The hashes of what several streams yield. */
export function hashes(streams: readonly AsyncIterable<Uint8Array>[]): Promise<string[]> {
  return Promise.all(streams.map(async (stream) => hash(await collect(stream))));
}
