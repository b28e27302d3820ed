import { BoxliteError } from '@boxlite/core';
import { gunzip } from './gunzip.js';
import { SNIFF_BYTES, sniffCompression } from './sniff-compression.js';
import { unzstd } from './zstd-decoder.js';

/**
 * Decompresses gzip and zstd, recognised by their magic, and passes anything else through.
 * @param source closed however the reading ends
 * @param what what is read, for errors
 * @throws BoxliteError `layer_invalid` for xz and bzip2, and for what zstd cannot read; plain errors of zlib
 */
export async function* decompress(
  source: AsyncGenerator<Uint8Array, void, undefined>,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const head = await readHead(source);
    const compression = sniffCompression(head);
    const whole = prepend(head, source);
    if (compression === 'gzip') yield* gunzip(whole);
    else if (compression === 'zstd') yield* unzstd(whole);
    else if (compression === 'none') yield* whole;
    else {
      throw new BoxliteError('layer_invalid', `${what} is compressed with ${compression}`, {
        hint: 'push the image again with gzip or zstd layers',
        details: { compression },
      });
    }
  } finally {
    await source.return();
  }
}

async function readHead(source: AsyncGenerator<Uint8Array, void, undefined>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array(0);
  while (head.byteLength < SNIFF_BYTES) {
    const next = await source.next();
    if (next.done === true) break;
    head = head.byteLength === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

async function* prepend(
  head: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (head.byteLength > 0) yield head;
  yield* rest;
}
