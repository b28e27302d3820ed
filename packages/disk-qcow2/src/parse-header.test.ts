import { describe, expect, it } from 'vitest';
import { encodeChild } from './encode-child.js';
import { parseHeader } from './parse-header.js';

const BACKING_NAME = '/bases/base.ext4';
const { segments, fileBytes } = encodeChild(10 * 2 ** 30, { name: Buffer.from(BACKING_NAME), format: 'raw' });

/** The first bytes of a sound file, for a test to spoil. */
function soundArea(): Buffer {
  const area = Buffer.alloc(65536);
  segments[0]?.bytes.copy(area);
  return area;
}

const parse = (area: Buffer) => parseHeader(area, fileBytes, '/disk');
const u32 = (at: number, value: number) => (area: Buffer) => void area.writeUInt32BE(value, at);
const u64 = (at: number, value: bigint) => (area: Buffer) => void area.writeBigUInt64BE(value, at);

describe('parseHeader', () => {
  it('reads every field of a sound header', () => {
    expect(parse(soundArea())).toEqual({
      version: 3,
      clusterBits: 16,
      virtualSize: 10 * 2 ** 30,
      l1Size: 20,
      l1TableOffset: 3 * 65536,
      refcountTableOffset: 65536,
      refcountTableClusters: 1,
      refcountOrder: 4,
      headerLength: 112,
      snapshotCount: 0,
      snapshotsOffset: 0,
      dirty: false,
      autoclearFeatures: 0n,
      compression: 'deflate',
      backing: { name: BACKING_NAME, format: 'raw' },
    });
  });

  const spoiled: [string, string, (area: Buffer) => void][] = [
    ['another magic', 'magic', u32(0, 0x514649fa)],
    ['version 1', 'version', u32(4, 1)],
    ['version 2 without the format of its backing file', 'backing_format', u32(4, 2)],
    ['version 4', 'version', u32(4, 4)],
    ['a backing name over the header', 'backing_file_offset', u64(8, 100n)],
    ['a backing name outside the first cluster', 'backing_file_offset', u64(8, 65537n)],
    ['a backing name at 2^63', 'backing_file_offset', u64(8, 1n << 63n)],
    ['a backing name that leaves the first cluster', 'backing_file_size', u64(8, 65530n)],
    ['a backing name of 1024 bytes', 'backing_file_size', u32(16, 1024)],
    ['a backing name of 4 GiB', 'backing_file_size', u32(16, 0xffffffff)],
    ['a backing name of no bytes', 'backing_file_size', u32(16, 0)],
    ['a backing name without offset', 'backing_file_offset', u64(8, 0n)],
    ['a backing name with a NUL byte', 'backing_file', (area) => void area.fill(0, 140, 141)],
    ['a backing name with a newline', 'backing_file', (area) => void area.fill('\n', 140, 141)],
    ['clusters of 256 bytes', 'cluster_bits', u32(20, 8)],
    ['clusters of 4 MiB', 'cluster_bits', u32(20, 22)],
    ['clusters of 2^32 times nothing', 'cluster_bits', u32(20, 0xffffffff)],
    ['no size', 'size', u64(24, 0n)],
    ['half a sector', 'size', u64(24, 100n)],
    ['a size above 64 TiB', 'size', u64(24, 2n ** 46n + 512n)],
    ['a size of 2^64 - 512', 'size', u64(24, 2n ** 64n - 512n)],
    ['AES', 'crypt_method', u32(32, 1)],
    ['LUKS', 'crypt_method', u32(32, 2)],
    ['fewer L1 entries than the size needs', 'l1_size', u32(36, 19)],
    ['4 billion L1 entries', 'l1_size', u32(36, 0xffffffff)],
    ['an L1 table outside the file', 'l1_table_offset', u64(40, BigInt(fileBytes))],
    ['an L1 table at 2^63', 'l1_table_offset', u64(40, 1n << 63n)],
    ['an L1 table inside a cluster', 'l1_table_offset', u64(40, 65536n + 512n)],
    ['an L1 table in the place of the header', 'l1_table_offset', u64(40, 0n)],
    ['an L1 table over the refcount table', 'l1_table_offset', u64(40, 65536n)],
    ['a refcount table outside the file', 'refcount_table_offset', u64(48, BigInt(fileBytes))],
    ['a refcount table inside a cluster', 'refcount_table_offset', u64(48, 65544n)],
    ['no refcount table', 'refcount_table_clusters', u32(56, 0)],
    ['a refcount table of 4 billion clusters', 'refcount_table_clusters', u32(56, 0xffffffff)],
    ['a million internal snapshots', 'nb_snapshots', u32(60, 1_000_000)],
    ['internal snapshots in the place of the header', 'snapshots_offset', u32(60, 1)],
    ['snapshots inside a cluster', 'snapshots_offset', u64(64, 8n)],
    ['snapshots outside the file', 'snapshots_offset', u64(64, 1n << 62n)],
    ['the corrupt bit', 'incompatible_features', u64(72, 2n)],
    ['an external data file', 'incompatible_features', u64(72, 4n)],
    ['extended L2 entries', 'incompatible_features', u64(72, 16n)],
    ['an unknown feature', 'incompatible_features', u64(72, 1n << 63n)],
    ['a raw external data file', 'autoclear_features', u64(88, 2n)],
    ['reference counts of 128 bits', 'refcount_order', u32(96, 7)],
    ['a header shorter than version 3 has', 'header_length', u32(100, 72)],
    ['a header of uneven length', 'header_length', u32(100, 113)],
    ['a header longer than a cluster', 'header_length', u32(100, 65544)],
    ['an unknown compression type', 'compression_type', (area) => void area.writeUInt8(2, 104)],
    ['zstd without its feature bit', 'compression_type', (area) => void area.writeUInt8(1, 104)],
    ['the feature bit without zstd', 'compression_type', u64(72, 8n)],
    ['no backing format', 'backing_format', u32(112, 0)],
    ['a backing format that is neither raw nor qcow2', 'backing_format', (area) => void area.write('vmd', 120)],
    ['an extension that leaves the header area', 'header_extension', u32(116, 0xfffffff8)],
    ['an end marker with a length that leaves the header area', 'header_extension', u32(132, 0x800000)],
    ['the name of an external data file', 'header_extension', u32(112, 0x44415441)],
    ['an encryption header', 'header_extension', u32(112, 0x0537be77)],
    ['bitmaps', 'header_extension', u32(112, 0x23852875)],
  ];

  it.each(spoiled)('refuses %s, naming %s', (_, field, spoil) => {
    const area = soundArea();
    spoil(area);
    expect(() => parse(area)).toThrow(
      expect.objectContaining({ code: 'disk_invalid', details: { path: '/disk', field }, hint: expect.any(String) }),
    );
  });

  it('refuses a file that ends anywhere inside the header area it needs', () => {
    const whole = segments[0]?.bytes ?? Buffer.alloc(0);
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseHeader(whole.subarray(0, length), length, '/disk'), `${length} bytes`).toThrow(
        expect.objectContaining({ code: 'disk_invalid' }),
      );
    }
  });

  it('refuses a backing format given twice', () => {
    const area = soundArea();
    area.copy(area, 128, 112, 128 + BACKING_NAME.length + 8);
    area.writeBigUInt64BE(152n, 8);
    area.write(BACKING_NAME, 152);
    expect(() => parse(area)).toThrow(expect.objectContaining({ details: { path: '/disk', field: 'backing_format' } }));
  });

  it('accepts what may be ignored: unknown extensions, compatible features, the dirty bit', () => {
    const area = soundArea();
    area.writeUInt32BE(0x6803f857, 128);
    area.writeBigUInt64BE(152n, 8);
    area.writeUInt32BE(3, 132);
    area.fill(0, 136, 152);
    area.write(BACKING_NAME, 152);
    area.writeBigUInt64BE(0xffn, 80);
    area.writeBigUInt64BE(1n, 72);
    expect(parse(area)).toMatchObject({ dirty: true, backing: { name: BACKING_NAME } });
  });

  it('needs no format where there is no backing file', () => {
    const area = soundArea();
    u64(8, 0n)(area);
    u32(16, 0)(area);
    u32(112, 0)(area);
    expect(parse(area).backing).toBeUndefined();
  });
});
