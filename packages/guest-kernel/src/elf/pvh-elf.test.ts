import { describe, expect, it } from 'vitest';
import { parseElfHeader, parseSegments } from './elf-header.js';
import { PVH_ELF_BSS_BYTES, PVH_ELF_IMAGE_OFFSET, pvhElfHeader } from './pvh-elf.js';
import { pvhEntryOfNotes } from './pvh-note.js';

const kernel = { loadAddress: 0x1000000, entry: 0x1000123, pvhEntry: 0x1000010, imageBytes: 0x20000 };

describe('pvhElfHeader', () => {
  it('writes the bytes of a two-segment ELF: the image to load and the PVH note', () => {
    const bytes = pvhElfHeader(kernel);
    expect(bytes.length).toBe(PVH_ELF_IMAGE_OFFSET);
    expect(
      Buffer.from(bytes.subarray(0, 196))
        .toString('hex')
        .match(/.{1,64}/g),
    ).toMatchInlineSnapshot(`
      [
        "7f454c4602010100000000000000000002003e00010000002301000100000000",
        "4000000000000000000000000000000000000000400038000200000000000000",
        "0100000007000000001000000000000000000001000000000000000100000000",
        "0000020000000000000042000000000000100000000000000400000004000000",
        "b000000000000000000000000000000000000000000000001400000000000000",
        "1400000000000000040000000000000004000000040000001200000058656e00",
        "10000001",
      ]
    `);
    expect(bytes.subarray(196).every((byte) => byte === 0)).toBe(true);
  });

  it('is read back as it was written, with room for bss behind the image', () => {
    const bytes = pvhElfHeader(kernel);
    const header = parseElfHeader(bytes);
    const [load, note] = parseSegments(bytes, header, PVH_ELF_IMAGE_OFFSET + kernel.imageBytes);
    expect(header.entry).toBe(kernel.entry);
    expect(load).toEqual({
      type: 1,
      offset: PVH_ELF_IMAGE_OFFSET,
      address: kernel.loadAddress,
      fileSize: kernel.imageBytes,
      memorySize: kernel.imageBytes + PVH_ELF_BSS_BYTES,
    });
    const { offset, fileSize } = note!;
    expect(pvhEntryOfNotes(bytes.subarray(offset, offset + fileSize))).toBe(kernel.pvhEntry);
  });

  it.each(['entry', 'pvhEntry'] as const)('refuses an %s outside the image', (field) => {
    const outside = { ...kernel, [field]: kernel.loadAddress + kernel.imageBytes };
    expect(() => pvhElfHeader(outside)).toThrowError(
      expect.objectContaining({ code: 'invalid_argument', details: { field } }),
    );
  });
});
