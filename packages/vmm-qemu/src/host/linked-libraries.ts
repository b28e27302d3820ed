import { closeSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '@boxlite/core';

/** elf(5): 64 bits, little-endian. */
const ELF64_LITTLE_ENDIAN = Buffer.from('\x7fELF\x02\x01', 'latin1');
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
const DYNAMIC_ENTRY_BYTES = 16;
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
/** Far above any real program: QEMU has 13 program headers, and 64 dynamic entries. */
const MAX_PROGRAM_HEADERS = 64;
const MAX_DYNAMIC_ENTRIES = 1024;
/** Names of libraries are shorter. */
const MAX_NAME_BYTES = 128;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly bytes: number;
}

/**
 * The libraries a program is linked with, as it names them (`libc.so.6`), not what those are linked with in turn. A few small reads: it is looked at in each
 * start.
 * @returns undefined for what cannot be read, is no 64-bit ELF file or says nothing of libraries (a script, a static program)
 */
export function linkedLibraries(path: string): readonly string[] | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const segments = segmentsOf(file);
    const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
    return dynamic === undefined ? undefined : neededBy(file, segments, dynamic);
  } catch (thrown) {
    // It went, or is a directory: whoever runs it is told.
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function segmentsOf(file: number): readonly Segment[] {
  const header = bytesAt(file, 0, HEADER_BYTES);
  if (header.length < HEADER_BYTES || !header.subarray(0, ELF64_LITTLE_ENDIAN.length).equals(ELF64_LITTLE_ENDIAN))
    return [];
  const count = Math.min(header.readUInt16LE(56), MAX_PROGRAM_HEADERS);
  const table = bytesAt(file, Number(header.readBigUInt64LE(32)), count * PROGRAM_HEADER_BYTES);
  return records(table, PROGRAM_HEADER_BYTES).map((record) => ({
    type: record.readUInt32LE(0),
    offset: Number(record.readBigUInt64LE(8)),
    address: record.readBigUInt64LE(16),
    bytes: Number(record.readBigUInt64LE(32)),
  }));
}

function neededBy(file: number, segments: readonly Segment[], dynamic: Segment): readonly string[] | undefined {
  const bytes = Math.min(dynamic.bytes, MAX_DYNAMIC_ENTRIES * DYNAMIC_ENTRY_BYTES);
  const entries = records(bytesAt(file, dynamic.offset, bytes), DYNAMIC_ENTRY_BYTES).map((record) => ({
    tag: record.readBigUInt64LE(0),
    value: record.readBigUInt64LE(8),
  }));
  const address = entries.find(({ tag }) => tag === DT_STRTAB)?.value;
  const names = segments.find(
    (segment) =>
      segment.type === PT_LOAD &&
      address !== undefined &&
      address >= segment.address &&
      address < segment.address + BigInt(segment.bytes),
  );
  if (address === undefined || names === undefined) return undefined;
  const start = names.offset + Number(address - names.address);
  return entries
    .filter(({ tag }) => tag === DT_NEEDED)
    .map(
      ({ value }) =>
        bytesAt(file, start + Number(value), MAX_NAME_BYTES)
          .toString('latin1')
          .split('\0', 1)[0] ?? '',
    );
}

/** Cut short where the file ends, empty for a place no file has. */
function bytesAt(file: number, position: number, length: number): Buffer {
  if (!Number.isSafeInteger(position) || length <= 0) return Buffer.alloc(0);
  const bytes = Buffer.alloc(length);
  return bytes.subarray(0, readSync(file, bytes, 0, length, position));
}

function records(table: Buffer, bytes: number): readonly Buffer[] {
  return Array.from({ length: Math.floor(table.length / bytes) }, (_, index) =>
    table.subarray(index * bytes, (index + 1) * bytes),
  );
}
