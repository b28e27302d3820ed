import assert from 'node:assert/strict';

const ELF64_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PT_NOTE = 4;
const NOTE_HEADER_BYTES = 12;

/** A note of an ELF file (elf(5), `PT_NOTE`). */
export interface ElfNote {
  readonly name: string;
  readonly type: number;
}

/** The notes of a 64-bit little-endian ELF file. Fails on anything else. */
export function elfNotes(bytes: Uint8Array): readonly ElfNote[] {
  assert.ok(bytes.length > ELF64_HEADER_BYTES, 'the kernel is too short for an ELF file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  assert.equal(view.getUint32(0), 0x7f454c46, 'the kernel does not begin like an ELF file');
  assert.deepEqual([view.getUint8(4), view.getUint8(5)], [2, 1], 'the kernel is not 64-bit little-endian');
  const offset = Number(view.getBigUint64(32, true));
  const count = view.getUint16(56, true);
  const notes: ElfNote[] = [];
  for (let index = 0; index < count; index += 1) {
    const header = offset + index * PROGRAM_HEADER_BYTES;
    assert.ok(header + PROGRAM_HEADER_BYTES <= bytes.length, 'a program header lies outside the kernel');
    if (view.getUint32(header, true) !== PT_NOTE) continue;
    const begin = Number(view.getBigUint64(header + 8, true));
    notes.push(...notesIn(bytes.subarray(begin, begin + Number(view.getBigUint64(header + 32, true)))));
  }
  return notes;
}

function notesIn(segment: Uint8Array): readonly ElfNote[] {
  const view = new DataView(segment.buffer, segment.byteOffset, segment.byteLength);
  const notes: ElfNote[] = [];
  for (let at = 0; at + NOTE_HEADER_BYTES <= segment.length; ) {
    const nameBytes = view.getUint32(at, true);
    const contentBytes = view.getUint32(at + 4, true);
    const name = new TextDecoder().decode(segment.subarray(at + NOTE_HEADER_BYTES, at + NOTE_HEADER_BYTES + nameBytes));
    notes.push({ name: name.replace(/\0+$/, ''), type: view.getUint32(at + 8, true) });
    at += NOTE_HEADER_BYTES + aligned(nameBytes) + aligned(contentBytes);
  }
  return notes;
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
