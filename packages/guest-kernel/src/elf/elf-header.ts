import { kernelInvalid } from '../kernel-invalid.js';

/** ELF-64 sizes and values (System V ABI, chapter 4; gABI "Sections" and "Program Header"). */
export const ELF_HEADER_BYTES = 64;
export const PROGRAM_HEADER_BYTES = 56;
export const SECTION_HEADER_BYTES = 64;
export const PT_LOAD = 1;
export const PT_NOTE = 4;
export const SHT_DYNSYM = 11;
const EM_X86_64 = 62;

/** Far above what any linker writes, far below what could hurt: a hostile count must not cost memory. */
const MAX_HEADERS = 512;

/** A program header. Offsets and sizes in bytes. */
export interface ElfSegment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
}

/** The fixed header's fields we use. */
export interface ElfHeader {
  readonly entry: number;
  readonly programHeaders: { readonly offset: number; readonly count: number };
  readonly sectionHeaders: { readonly offset: number; readonly count: number };
}

/** @throws BoxliteError `kernel_unavailable` for anything but a little-endian x86-64 ELF-64 */
export function parseElfHeader(bytes: Uint8Array): ElfHeader {
  const isElf64Le =
    bytes.length >= ELF_HEADER_BYTES &&
    bytes[0] === 0x7f &&
    bytes[1] === 0x45 &&
    bytes[2] === 0x4c &&
    bytes[3] === 0x46 &&
    bytes[4] === 2 &&
    bytes[5] === 1;
  if (!isElf64Le) throw kernelInvalid('e_ident', 'is not a little-endian 64-bit ELF');
  const view = viewOf(bytes);
  if (view.getUint16(18, true) !== EM_X86_64) throw kernelInvalid('e_machine', 'is an ELF for another architecture');
  return {
    entry: readUint64(view, 24, 'e_entry'),
    programHeaders: table(view, 32, 54, PROGRAM_HEADER_BYTES, 'e_phoff'),
    sectionHeaders: table(view, 40, 58, SECTION_HEADER_BYTES, 'e_shoff'),
  };
}

/**
 * @param bytes the start of the file, program headers included
 * @param fileSize size of the whole file in bytes; every segment must lie in it
 */
export function parseSegments(bytes: Uint8Array, header: ElfHeader, fileSize: number): readonly ElfSegment[] {
  const { offset, count } = header.programHeaders;
  if (offset + count * PROGRAM_HEADER_BYTES > bytes.length) {
    throw kernelInvalid('e_phoff', 'has program headers outside its first bytes');
  }
  const view = viewOf(bytes);
  return Array.from({ length: count }, (_, index) => {
    const at = offset + index * PROGRAM_HEADER_BYTES;
    const segment: ElfSegment = {
      type: view.getUint32(at, true),
      offset: readUint64(view, at + 8, 'p_offset'),
      address: readUint64(view, at + 16, 'p_vaddr', Number.MAX_VALUE),
      fileSize: readUint64(view, at + 32, 'p_filesz'),
      memorySize: readUint64(view, at + 40, 'p_memsz'),
    };
    if (segment.offset + segment.fileSize > fileSize) {
      throw kernelInvalid('p_filesz', 'is cut short: a segment ends after the end of the file');
    }
    return segment;
  });
}

/**
 * An unsigned 64-bit field as a number.
 * @param limit largest value accepted; kernel virtual addresses are above what a double holds exactly, and only compared
 */
export function readUint64(view: DataView, at: number, field: string, limit = Number.MAX_SAFE_INTEGER): number {
  const value = Number(view.getBigUint64(at, true));
  if (value > limit) throw kernelInvalid(field, `has an impossible ${field}`);
  return value;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function table(view: DataView, offsetAt: number, sizeAt: number, entryBytes: number, field: string) {
  const offset = readUint64(view, offsetAt, field);
  const count = view.getUint16(sizeAt + 2, true);
  if (count > MAX_HEADERS) throw kernelInvalid(field, `announces ${count} headers`);
  if (count > 0 && view.getUint16(sizeAt, true) !== entryBytes) {
    throw kernelInvalid(field, 'has headers of an unknown size');
  }
  return { offset, count };
}
