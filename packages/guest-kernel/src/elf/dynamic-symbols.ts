import { kernelInvalid } from '../kernel-invalid.js';
import {
  type ElfHeader,
  type ElfSegment,
  PT_LOAD,
  readUint64,
  SECTION_HEADER_BYTES,
  SHT_DYNSYM,
  viewOf,
} from './elf-header.js';

const SYMBOL_BYTES = 24;
/** libkrunfw exports a handful; a library with more than this is something else. */
const MAX_SYMBOLS = 4096;
const MAX_NAME_BYTES = 128;

/** A defined dynamic symbol. `size` in bytes. */
export interface ElfSymbol {
  readonly address: number;
  readonly size: number;
}

/**
 * The exported symbols of a shared library, by name.
 * @param bytes the whole file
 * @throws BoxliteError `kernel_unavailable` when there is no symbol table or it lies outside the file
 */
export function dynamicSymbols(bytes: Uint8Array, header: ElfHeader): ReadonlyMap<string, ElfSymbol> {
  const sections = sectionHeaders(bytes, header);
  const table = sections.find((section) => section.type === SHT_DYNSYM);
  const names = table === undefined ? undefined : sections[table.link];
  if (table === undefined || names === undefined) throw kernelInvalid('dynsym', 'has no dynamic symbol table');
  const symbolBytes = slice(bytes, table.offset, table.size, 'dynsym');
  const nameBytes = slice(bytes, names.offset, names.size, 'dynstr');
  const count = Math.floor(symbolBytes.length / SYMBOL_BYTES);
  if (count > MAX_SYMBOLS) throw kernelInvalid('dynsym', `has ${count} dynamic symbols`);
  const view = viewOf(symbolBytes);
  const symbols = new Map<string, ElfSymbol>();
  for (let index = 0; index < count; index++) {
    const at = index * SYMBOL_BYTES;
    // st_shndx 0: the symbol is used here, not defined here.
    if (view.getUint16(at + 6, true) === 0) continue;
    symbols.set(nameAt(nameBytes, view.getUint32(at, true)), {
      address: readUint64(view, at + 8, 'st_value'),
      size: readUint64(view, at + 16, 'st_size'),
    });
  }
  return symbols;
}

/**
 * The file bytes behind a range of addresses.
 * @throws BoxliteError `kernel_unavailable` when no loaded segment holds the whole range in the file
 */
export function bytesAtAddress(
  bytes: Uint8Array,
  segments: readonly ElfSegment[],
  address: number,
  length: number,
  field: string,
): Uint8Array {
  const segment = segments.find(
    (one) => one.type === PT_LOAD && address >= one.address && address + length <= one.address + one.fileSize,
  );
  if (segment === undefined) throw kernelInvalid(field, `names a ${field} outside its contents`);
  return slice(bytes, segment.offset + (address - segment.address), length, field);
}

function sectionHeaders(bytes: Uint8Array, header: ElfHeader) {
  const { offset, count } = header.sectionHeaders;
  const view = viewOf(slice(bytes, offset, count * SECTION_HEADER_BYTES, 'e_shoff'));
  return Array.from({ length: count }, (_, index) => {
    const at = index * SECTION_HEADER_BYTES;
    return {
      type: view.getUint32(at + 4, true),
      offset: readUint64(view, at + 24, 'sh_offset'),
      size: readUint64(view, at + 32, 'sh_size'),
      link: view.getUint32(at + 40, true),
    };
  });
}

function slice(bytes: Uint8Array, offset: number, length: number, field: string): Uint8Array {
  if (offset + length > bytes.length)
    throw kernelInvalid(field, `is cut short: its ${field} ends after the end of the file`);
  return bytes.subarray(offset, offset + length);
}

function nameAt(names: Uint8Array, offset: number): string {
  const end = names.indexOf(0, offset);
  const stop = Math.min(end === -1 ? names.length : end, offset + MAX_NAME_BYTES);
  return Buffer.from(names.subarray(offset, stop)).toString('latin1');
}
