import { describe, expect, it } from 'vitest';
import { unzstd } from './zstd-decoder.js';

const MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
/** Exponent 13: an 8 MiB window, as `zstd -19` writes it; 15 is 32 MiB, 16 is 64 MiB. */
const header = (exponent = 13) => Buffer.concat([MAGIC, Buffer.from([0x00, exponent << 3])]);

/** RFC 8878, 3.1.1.2. */
function block(type: 'raw' | 'rle' | 'reserved', content: Buffer, size = content.length, last = false) {
  const head = Buffer.alloc(3);
  head.writeUIntLE((last ? 1 : 0) | ({ raw: 0, rle: 1, reserved: 3 }[type] << 1) | (size << 3), 0, 3);
  return Buffer.concat([head, content]);
}

const raw = (text: string, last = false) => block('raw', Buffer.from(text), undefined, last);
const run = (byte: string, size: number, last = false) => block('rle', Buffer.from(byte), size, last);

async function decode(bytes: Buffer, options: { pieceBytes?: number; batchTimeoutMs?: number } = {}) {
  const { pieceBytes = 65_536, ...rest } = options;
  async function* source() {
    for (let offset = 0; offset < bytes.length; offset += pieceBytes) yield bytes.subarray(offset, offset + pieceBytes);
  }
  const parts: Uint8Array[] = [];
  for await (const part of unzstd(source(), rest)) parts.push(part);
  return Buffer.concat(parts);
}

const TWO_FRAMES = Buffer.concat([
  Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0]),
  Buffer.from('xyz'),
  header(),
  raw('hello '),
  run('z', 70_000, true),
  // Single segment, content size in two bytes (256 is added), with a checksum nobody reads.
  MAGIC,
  Buffer.from([0x64, 0x2c, 0x00]),
  raw('a'.repeat(300), true),
  Buffer.from([1, 2, 3, 4]),
]);

describe('a zstd stream', () => {
  it('of several frames and a skippable one is read, however it is cut', async () => {
    const expected = Buffer.from(`hello ${'z'.repeat(70_000)}${'a'.repeat(300)}`);
    for (const pieceBytes of [1, 7, 100, 65_536])
      expect((await decode(TWO_FRAMES, { pieceBytes })).equals(expected)).toBe(true);
  });

  it('that is truncated anywhere is refused', async () => {
    for (let length = 1; length < TWO_FRAMES.length; length += 13) {
      if (length === 11) continue;
      await expect(decode(TWO_FRAMES.subarray(0, length))).rejects.toMatchObject({ code: 'layer_invalid' });
    }
  });

  it.each([
    ['asks for a window of 64 MiB', Buffer.concat([header(16), raw('x', true)]), /window of 67108864/],
    ['asks for a window of terabytes', Buffer.concat([header(31), raw('x', true)]), /window/],
    [
      'is one segment of terabytes',
      Buffer.concat([MAGIC, Buffer.from([0xe0, 0, 0, 0, 0, 0, 1, 0, 0]), raw('x', true)]),
      /window/,
    ],
    ['needs a dictionary', Buffer.concat([MAGIC, Buffer.from([0x01, 13 << 3, 5]), raw('x', true)]), /dictionary/],
    ['has a reserved block', Buffer.concat([header(), block('reserved', Buffer.from('x'))]), /reserved/],
    ['has a block over 128 KiB', Buffer.concat([header(), run('x', 200_000, true)]), /128 KiB/],
    ['goes on with something else', Buffer.concat([header(), raw('x', true), Buffer.from('garbage')]), /no frame/],
    [
      'has garbage in a compressed block',
      Buffer.concat([header(), Buffer.from([0x05 | (20 << 3), 0, 0]), Buffer.alloc(20, 0xee)]),
      /cannot be read/,
    ],
  ])('that %s is refused', async (_title, bytes, message) => {
    await expect(decode(bytes)).rejects.toMatchObject({
      code: 'layer_invalid',
      message: expect.stringMatching(message),
    });
  });

  it('that keeps the decoder busy is ended', async () => {
    const blocks = Array.from({ length: 1000 }, () => run('x', 1));
    const bytes = Buffer.concat([header(15), ...blocks, run('x', 1, true)]);
    await expect(decode(bytes, { batchTimeoutMs: 1 })).rejects.toThrow(/1 ms/);
  });

  it('that expands a lot comes in pieces, not at once', async () => {
    const blocks = Array.from({ length: 2000 }, () => run('x', 131_072));
    const bytes = Buffer.concat([header(10), ...blocks, run('x', 1, true)]);
    async function* source() {
      yield bytes;
    }
    let total = 0;
    for await (const part of unzstd(source())) {
      total += part.byteLength;
      if (total > 20_000_000) break;
    }
    expect(total).toBeLessThan(21_000_000);
  });
});
