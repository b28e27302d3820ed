import { BoxliteError } from '@boxlite/core';
import type { ElfObject } from './elf-object.js';

/** Reads at most `length` bytes at an offset of the file; fewer at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

/** ELF-64 (System V ABI, chapter 4 and 5): sizes and the few constants needed. */
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT = { needed: 1, strtab: 5, strsz: 10, rpath: 15, runpath: 29 } as const;

/** Bounds for hostile files, far above what linkers write. */
const MAX_PROGRAM_HEADERS = 256;
const MAX_DYNAMIC_BYTES = 64 * 1024;
const MAX_NEEDED = 1024;
/** PATH_MAX; a search path may hold several. */
const MAX_TEXT_BYTES = 16 * 1024;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

/**
 * Reads what the loader needs from a 64-bit little-endian ELF file. Bounded: a damaged or hostile file is an error, never much memory.
 * @param path names the file in errors
 * @throws BoxliteError `invalid_argument` when it is no such file or contradicts itself
 */
export async function parseElf(path: string, readAt: ReadAt): Promise<ElfObject> {
  const header = view(await readAt(0, HEADER_BYTES));
  if (header.byteLength < HEADER_BYTES || header.getUint32(0) !== 0x7f454c46)
    throw invalid(path, 'it is not an ELF file');
  if (header.getUint8(4) !== 2 || header.getUint8(5) !== 1) throw invalid(path, 'it is not 64-bit little-endian');
  const segments = await readSegments(path, readAt, header);
  const interpreterSegment = segments.find((segment) => segment.type === PT_INTERP);
  const dynamicSegment = segments.find((segment) => segment.type === PT_DYNAMIC);
  const interpreter =
    interpreterSegment === undefined
      ? {}
      : { interpreter: await readText(path, readAt, interpreterSegment.offset, interpreterSegment.fileSize) };
  const dynamic =
    dynamicSegment === undefined
      ? { needed: [], rpath: [], runpath: [] }
      : await readDynamic(path, readAt, dynamicSegment, segments);
  return { machine: header.getUint16(18, true), ...interpreter, ...dynamic };
}

async function readSegments(path: string, readAt: ReadAt, header: DataView): Promise<Segment[]> {
  const offset = number(path, header.getBigUint64(32, true));
  const size = header.getUint16(54, true);
  const count = header.getUint16(56, true);
  if (count === 0) return [];
  if (size !== PROGRAM_HEADER_BYTES || count > MAX_PROGRAM_HEADERS) throw invalid(path, 'its program headers are odd');
  const table = view(await readAt(offset, count * size));
  if (table.byteLength < count * size) throw invalid(path, 'its program headers are cut off');
  return Array.from({ length: count }, (_unused, index) => {
    const at = index * size;
    return {
      type: table.getUint32(at, true),
      offset: number(path, table.getBigUint64(at + 8, true)),
      address: number(path, table.getBigUint64(at + 16, true)),
      fileSize: number(path, table.getBigUint64(at + 32, true)),
    };
  });
}

async function readDynamic(path: string, readAt: ReadAt, segment: Segment, segments: readonly Segment[]) {
  if (segment.fileSize > MAX_DYNAMIC_BYTES) throw invalid(path, 'its dynamic section is too long');
  const table = view(await readAt(segment.offset, segment.fileSize));
  const found = new Map<number, number[]>();
  for (let at = 0; at + 16 <= table.byteLength; at += 16) {
    const tag = number(path, table.getBigUint64(at, true), Number.MAX_VALUE);
    if (tag === 0) break;
    if (!Object.values(DT).includes(tag as (typeof DT)['needed'])) continue;
    found.set(tag, [...(found.get(tag) ?? []), number(path, table.getBigUint64(at + 8, true))]);
  }
  const needed = found.get(DT.needed) ?? [];
  if (needed.length > MAX_NEEDED) throw invalid(path, `it names ${needed.length} libraries`);
  const strings = fileOffset(path, found.get(DT.strtab)?.[0], segments);
  const stringsSize = found.get(DT.strsz)?.[0] ?? 0;
  const text = async (offset: number) => {
    if (strings === undefined || offset >= stringsSize) throw invalid(path, 'a name lies outside its string table');
    return readText(path, readAt, strings + offset, stringsSize - offset);
  };
  const texts = (tag: number) => Promise.all((found.get(tag) ?? []).map(text));
  const split = async (tag: number) =>
    (await texts(tag)).flatMap((list) => list.split(':')).filter((entry) => entry !== '');
  return { needed: await texts(DT.needed), rpath: await split(DT.rpath), runpath: await split(DT.runpath) };
}

/** Where a virtual address lies in the file. */
function fileOffset(path: string, address: number | undefined, segments: readonly Segment[]): number | undefined {
  if (address === undefined) return undefined;
  const holder = segments.find(
    (segment) => segment.type === PT_LOAD && address >= segment.address && address < segment.address + segment.fileSize,
  );
  if (holder === undefined) throw invalid(path, 'its string table lies in no loaded segment');
  return holder.offset + (address - holder.address);
}

/** A NUL-terminated text. Most are short, so a small piece is read first. */
async function readText(path: string, readAt: ReadAt, offset: number, limit: number): Promise<string> {
  for (const length of [128, MAX_TEXT_BYTES]) {
    const bytes = await readAt(offset, Math.min(length, limit));
    const end = bytes.indexOf(0);
    if (end >= 0) return new TextDecoder('utf-8', { fatal: false }).decode(bytes.subarray(0, end));
  }
  throw invalid(path, 'a name in it has no end');
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function number(path: string, value: bigint, highest = Number.MAX_SAFE_INTEGER): number {
  const result = Number(value);
  if (result > highest) throw invalid(path, `it holds the impossible offset ${value}`);
  return result;
}

function invalid(path: string, why: string): BoxliteError {
  return new BoxliteError('invalid_argument', `${path} cannot be read as a program or library: ${why}`, {
    hint: 'name a 64-bit ELF program or shared library',
    details: { field: 'binary', path },
  });
}
