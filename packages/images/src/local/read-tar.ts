import { BoxliteError } from '@boxlite/core';
import type { Extract } from 'tar-stream';
import { isExploding, MAX_RATIO } from '../layers/decode-layer.js';
import { decompress } from '../layers/decompress.js';

type Source = Extract extends AsyncIterable<infer Entry> ? Entry : never;

/**
 * The entries of a tar, compressed or not. Each must be read to its end, or told to `resume()`, before the next one comes.
 * @param source closed however the reading ends
 * @param what names it, for errors
 * @param maxBytes of all entries together, uncompressed
 * @throws BoxliteError `resource_exhausted`, `layer_invalid` for compressions that are not read; plain errors for what is no tar
 */
export async function* readTar(
  source: AsyncGenerator<Uint8Array, void, undefined>,
  what: string,
  maxBytes: number,
): AsyncGenerator<Source, void, undefined> {
  // Loaded here: most starts read no archive.
  const { extract } = await import('tar-stream');
  const archive = extract();
  const feeding = feed(bounded(source, maxBytes, what), archive);
  try {
    yield* archive;
  } finally {
    archive.destroy(null);
    await feeding;
  }
}

/** Never rejects: what goes wrong is thrown to whoever reads the entries. */
async function feed(source: AsyncIterable<Uint8Array>, archive: Extract): Promise<void> {
  try {
    for await (const chunk of source) {
      if (archive.destroyed) return;
      if (!archive.write(chunk)) await drained(archive);
    }
    archive.end(null);
  } catch (thrown) {
    archive.destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
}

function drained(archive: Extract): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      archive.off('drain', done).off('close', done);
      resolve();
    };
    archive.on('drain', done).on('close', done);
    if (archive.destroyed) done();
  });
}

async function* bounded(source: AsyncGenerator<Uint8Array, void, undefined>, maxBytes: number, what: string) {
  let [stored, total] = [0, 0];
  async function* counted() {
    for await (const chunk of source) {
      stored += chunk.byteLength;
      yield chunk;
    }
  }
  for await (const chunk of decompress(counted(), what)) {
    total += chunk.byteLength;
    const exploding = isExploding(total, stored);
    if (total > maxBytes || exploding) {
      const why = exploding ? `expands more than ${MAX_RATIO} times` : `has more than ${maxBytes} bytes`;
      throw new BoxliteError('resource_exhausted', `${what} ${why}`, {
        hint: 'use a smaller image, or raise maxImageBytes of the image source',
      });
    }
    yield chunk;
  }
}
