import { describe, expect, it } from 'vitest';
import { pvhEntryOfImage, pvhEntryOfNotes } from './pvh-note.js';

function note(type: number, value: number, name = 'Xen\0', valueSize = 4): Buffer {
  const bytes = Buffer.alloc(12 + Math.ceil(name.length / 4) * 4 + valueSize);
  bytes.writeUInt32LE(name.length, 0);
  bytes.writeUInt32LE(valueSize, 4);
  bytes.writeUInt32LE(type, 8);
  bytes.write(name, 12, 'latin1');
  bytes.writeUInt32LE(value, bytes.length - valueSize);
  return bytes;
}
const anyEntry = () => true;

describe('pvhEntryOfNotes', () => {
  it('finds the Xen note of type 18 among others, with a value of 4 or 8 bytes', () => {
    const others = Buffer.concat([note(3, 7, 'GNU\0'), note(5, 1), note(18, 1, 'Lin\0')]);
    expect(pvhEntryOfNotes(Buffer.concat([others, note(18, 0x1000200)]))).toBe(0x1000200);
    expect(pvhEntryOfNotes(Buffer.concat([others, note(18, 0x1000200, 'Xen\0', 8)]))).toBe(0x1000200);
    expect(pvhEntryOfNotes(others)).toBeUndefined();
  });

  it('stops at a note whose sizes go past the end', () => {
    const lying = note(18, 1, 'Lin\0');
    lying.writeUInt32LE(0xfffffff0, 4);
    expect(pvhEntryOfNotes(Buffer.concat([lying, note(18, 0x1000200)]))).toBeUndefined();
  });
});

describe('pvhEntryOfImage', () => {
  it('passes over bytes that only look like the note', () => {
    const image = Buffer.concat([
      Buffer.from('Xen\0'),
      Buffer.alloc(31),
      note(18, 5),
      Buffer.alloc(9),
      note(18, 0x1000000),
    ]);
    expect(pvhEntryOfImage(image, (entry) => entry >= 0x1000000)).toBe(0x1000000);
  });

  it('accepts no note that is cut off by the end of the image, and no address above 4 GiB', () => {
    expect(pvhEntryOfImage(note(18, 0x1000000).subarray(0, 18), anyEntry)).toBeUndefined();
    const high = note(18, 0x1000000, 'Xen\0', 8);
    high.writeUInt32LE(1, high.length - 4);
    expect(pvhEntryOfImage(high, anyEntry)).toBeUndefined();
  });
});
