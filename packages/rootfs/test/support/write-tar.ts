/** An entry of an archive, proper or not. Strings are bytes (latin1). */
export interface TarEntrySpec {
  readonly name: string;
  readonly type?: 'file' | 'hardlink' | 'symlink' | 'character-device' | 'block-device' | 'directory' | 'fifo';
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds. */
  readonly mtime?: number;
  readonly linkName?: string;
  readonly content?: string | Buffer;
  readonly device?: readonly [major: number, minor: number];
  /** Records of an extended header before the entry; a list where a key comes more than once or the order matters. */
  readonly pax?: Readonly<Record<string, string | Buffer>> | readonly PaxRecordSpec[];
  /** Size in the header, when it shall differ from the content's. */
  readonly size?: number;
  readonly typeFlag?: string;
  /** Which program wrote the header; default ustar. */
  readonly format?: 'ustar' | 'gnu' | 'v7';
  /** Changes the finished header; its checksum is computed afterwards. */
  readonly header?: (block: Buffer) => void;
}

export type PaxRecordSpec = readonly [key: string, value: string | Buffer];

const MAGIC = { ustar: 'ustar\u000000', gnu: 'ustar  \0', v7: '' } as const;
const FLAGS = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
} as const;

/** Writes an archive. Unlike a library it lets tests write what is forbidden. */
export function writeTar(entries: readonly TarEntrySpec[], end = true): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    const records = recordsOf(entry);
    if (records.length > 0) {
      const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
      parts.push(header({ name: 'PaxHeader', typeFlag: 'x' }, body.length), padded(body));
    }
    const bytes = Buffer.isBuffer(entry.content) ? entry.content : Buffer.from(entry.content ?? '', 'latin1');
    parts.push(header(entry, entry.size ?? bytes.length), padded(bytes));
  }
  if (end) parts.push(Buffer.alloc(1024));
  return Buffer.concat(parts);
}

function recordsOf({ name, linkName = '', pax = {} }: TarEntrySpec): PaxRecordSpec[] {
  const records: PaxRecordSpec[] = Array.isArray(pax) ? [...pax] : Object.entries(pax);
  const has = (wanted: string) => records.some(([key]) => key === wanted);
  if (name.length > 100 && !has('path')) records.push(['path', Buffer.from(name, 'latin1')]);
  if (linkName.length > 100 && !has('linkpath')) records.push(['linkpath', Buffer.from(linkName, 'latin1')]);
  return records;
}

/** One "length key=value" record. */
export function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([
    Buffer.from(` ${key}=`, 'latin1'),
    Buffer.isBuffer(value) ? value : Buffer.from(value),
    Buffer.from('\n'),
  ]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function header(entry: TarEntrySpec, size: number): Buffer {
  const block = Buffer.alloc(512);
  block.write(entry.name.slice(0, 100), 0, 'latin1');
  octal(block, 100, 8, entry.mode ?? 0o644);
  octal(block, 108, 8, entry.uid ?? 0);
  octal(block, 116, 8, entry.gid ?? 0);
  octal(block, 124, 12, size);
  octal(block, 136, 12, entry.mtime ?? 0);
  block.write(entry.typeFlag ?? FLAGS[entry.type ?? 'file'], 156, 'latin1');
  block.write((entry.linkName ?? '').slice(0, 100), 157, 'latin1');
  block.write(MAGIC[entry.format ?? 'ustar'], 257, 'latin1');
  octal(block, 329, 8, entry.device?.[0] ?? 0);
  octal(block, 337, 8, entry.device?.[1] ?? 0);
  entry.header?.(block);
  sealHeader(block);
  return block;
}

/** Puts the right checksum into a header. */
export function sealHeader(block: Buffer): void {
  block.fill(' ', 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

/** Writes a number: octal digits, or base 256 where they do not suffice. */
export function octal(block: Buffer, at: number, length: number, value: number): void {
  const digits = value.toString(8);
  if (value >= 0 && digits.length < length) {
    block.write(digits.padStart(length - 1, '0'), at, 'latin1');
    return;
  }
  let rest = BigInt.asUintN(length * 8 - 1, BigInt(value));
  for (let index = length - 1; index >= 0; index--) {
    block[at + index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[at] = (block[at] as number) | 0x80;
}

/** Bytes and the zeros up to the next block. */
export function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
