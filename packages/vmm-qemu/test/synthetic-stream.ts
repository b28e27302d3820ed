import {
  Command,
  PAGE_BYTES,
  PageFlag,
  RAM_BLOCK,
  SectionType,
  STREAM_MAGIC,
  STREAM_VERSION,
} from '../src/snapshot/stream-format.js';

/** Pieces of a migration stream as QEMU sends them, for tests: whoever takes the stream apart must not be the one who says what it looks like. */
export const RAM_SECTION = 2;

export const u8 = (value: number) => Buffer.from([value]);

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: number): Buffer {
  return Buffer.concat([u32(Math.floor(value / 2 ** 32)), u32(value % 2 ** 32)]);
}

const text = (value: string) => Buffer.concat([u8(value.length), Buffer.from(value, 'latin1')]);

export const head = (machine = 'microvm') =>
  Buffer.concat([
    u32(STREAM_MAGIC),
    u32(STREAM_VERSION),
    u8(SectionType.CONFIGURATION),
    u32(machine.length),
    Buffer.from(machine),
  ]);

export const footer = () => Buffer.concat([u8(SectionType.FOOTER), u32(RAM_SECTION)]);

/** The section that lists the blocks. */
export const start = (blocks: Readonly<Record<string, number>>, name = 'ram') =>
  Buffer.concat([
    ...[u8(SectionType.START), u32(RAM_SECTION), text(name), u32(0), u32(4)],
    u64(Object.values(blocks).reduce((sum, size) => sum + size, 0) + PageFlag.BLOCKS),
    ...Object.entries(blocks).flatMap(([block, size]) => [text(block), u64(size)]),
    ...[u64(PageFlag.END), footer()],
  ]);

export const part = (records: readonly Buffer[], type: number = SectionType.PART) =>
  Buffer.concat([u8(type), u32(RAM_SECTION), ...records, u64(PageFlag.END), footer()]);

/** A record; the block is only named when it changes. */
export const page = (address: number, content: Buffer, block?: string) =>
  Buffer.concat([
    u64(address + PageFlag.PAGE + (block === undefined ? PageFlag.CONTINUE : 0)),
    ...(block === undefined ? [] : [text(block)]),
    content,
  ]);

export const zero = (address: number, block?: string, fill = 0) =>
  Buffer.concat([
    u64(address + PageFlag.ZERO + (block === undefined ? PageFlag.CONTINUE : 0)),
    ...(block === undefined ? [] : [text(block)]),
    u8(fill),
  ]);

export const command = (number: number = Command.SWITCHOVER_START, data: Buffer = Buffer.alloc(0)) =>
  Buffer.concat([u8(SectionType.COMMAND), u16(number), u16(data.length), data]);

/** The first device, and everything behind it. */
export const devices = (bytes: Buffer) => Buffer.concat([u8(SectionType.FULL), bytes]);

export const filled = (value: number) => Buffer.alloc(PAGE_BYTES, value);

/** A machine of eight pages whose firmware has one. */
export const BLOCKS = { [RAM_BLOCK]: 8 * PAGE_BYTES, 'pc.bios': PAGE_BYTES };
