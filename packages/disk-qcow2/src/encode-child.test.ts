import { describe, expect, it } from 'vitest';
import { encodeChild } from './encode-child.js';

function dump(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    lines.push(`${at.toString(16).padStart(4, '0')} ${row.toString('hex').replace(/(.{8})(?=.)/g, '$1 ')}`);
  }
  return lines;
}

describe('a new child', () => {
  it('over a raw base is these bytes', () => {
    const { segments, fileBytes } = encodeChild(10 * 2 ** 30, {
      name: Buffer.from('/home/bases/x.ext4'),
      format: 'raw',
    });
    expect(fileBytes).toBe((4 + 20) * 65536);
    expect(segments.map(({ offset }) => offset)).toEqual([0, 65536, 131072, 196608]);
    expect(segments.map(({ bytes }) => dump(bytes))).toMatchInlineSnapshot(`
      [
        [
          "0000 514649fb 00000003 00000000 00000088",
          "0010 00000012 00000010 00000002 80000000",
          "0020 00000000 00000014 00000000 00030000",
          "0030 00000000 00010000 00000001 00000000",
          "0040 00000000 00000000 00000000 00000000",
          "0050 00000000 00000000 00000000 00000000",
          "0060 00000004 00000070 00000000 00000000",
          "0070 e2792aca 00000003 72617700 00000000",
          "0080 00000000 00000000 2f686f6d 652f6261",
          "0090 7365732f 782e6578 7434",
        ],
        [
          "0000 00000000 00020000",
        ],
        [
          "0000 00010001 00010001 00010001 00010001",
          "0010 00010001 00010001 00010001 00010001",
          "0020 00010001 00010001 00010001 00010001",
        ],
        [
          "0000 80000000 00040000 80000000 00050000",
          "0010 80000000 00060000 80000000 00070000",
          "0020 80000000 00080000 80000000 00090000",
          "0030 80000000 000a0000 80000000 000b0000",
          "0040 80000000 000c0000 80000000 000d0000",
          "0050 80000000 000e0000 80000000 000f0000",
          "0060 80000000 00100000 80000000 00110000",
          "0070 80000000 00120000 80000000 00130000",
          "0080 80000000 00140000 80000000 00150000",
          "0090 80000000 00160000 80000000 00170000",
        ],
      ]
    `);
  });

  it('over a qcow2 base says so in its backing format', () => {
    const [header] = encodeChild(2 ** 20, { name: Buffer.from('/b'), format: 'qcow2' }).segments;
    expect(dump(header?.bytes ?? Buffer.alloc(0)).slice(7)).toMatchInlineSnapshot(`
      [
        "0070 e2792aca 00000005 71636f77 32000000",
        "0080 00000000 00000000 2f62",
      ]
    `);
  });

  it('of more than 4 TiB has an L1 table of several clusters and L2 tables for its first 64 GiB, all counted', () => {
    const { segments, fileBytes } = encodeChild(2 ** 42 + 512, { name: Buffer.from('/b'), format: 'raw' });
    expect(fileBytes).toBe((5 + 128) * 65536);
    expect(segments[2]?.bytes.toString('hex')).toBe('0001'.repeat(5 + 128));
    expect(segments[3]?.bytes).toHaveLength(128 * 8);
  });
});
