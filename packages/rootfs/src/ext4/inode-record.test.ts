import { describe, expect, it } from 'vitest';
import { encodeDeviceNumber, encodeTimestamp } from './inode-record.js';

/** What the kernel reads (ext4_decode_extra_time). */
function decode({ seconds, extra }: { seconds: number; extra: number }) {
  return { seconds: seconds + (extra & 3) * 2 ** 32, nanoseconds: extra >>> 2 };
}

describe('timestamps of inodes', () => {
  it.each([
    { seconds: 0, nanoseconds: 0 },
    { seconds: 1, nanoseconds: 999_999_999 },
    { seconds: -1, nanoseconds: 500_000_000 },
    { seconds: -(2 ** 31), nanoseconds: 0 },
    { seconds: 2 ** 31 - 1, nanoseconds: 1 },
    { seconds: 2 ** 31, nanoseconds: 1 },
    { seconds: 2 ** 32 + 5, nanoseconds: 7 },
    { seconds: 2 ** 33, nanoseconds: 3 },
  ])('keep $seconds s and $nanoseconds ns', (time) => {
    expect(decode(encodeTimestamp(time))).toEqual(time);
  });

  it('are clamped to what ext4 can express and e2fsck accepts', () => {
    expect(decode(encodeTimestamp({ seconds: -1e12, nanoseconds: 5 }))).toEqual({
      seconds: -(2 ** 31),
      nanoseconds: 0,
    });
    expect(decode(encodeTimestamp({ seconds: 1e12, nanoseconds: 5 })).seconds).toBe(3 * 2 ** 32 - 2 ** 31 - 1);
  });
});

describe('device numbers of inodes', () => {
  it('take the old form while major and minor fit a byte each', () => {
    expect([...encodeDeviceNumber(5, 1)]).toEqual([1, 5, 0, 0, 0, 0, 0, 0]);
  });

  it('take the new form beyond that', () => {
    expect([...encodeDeviceNumber(259, 0x12345)]).toEqual([0, 0, 0, 0, 0x45, 0x03, 0x31, 0x12]);
  });
});
