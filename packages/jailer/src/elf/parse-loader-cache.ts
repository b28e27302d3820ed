/** One library the cache knows. */
export interface LoaderCacheEntry {
  readonly name: string;
  readonly path: string;
}

/** glibc elf/dl-cache.h: magic, then number of libraries and length of the strings, in a header of 48 bytes. */
const MAGIC = 'glibc-ld.so.cache1.1';
const HEADER_BYTES = 48;
const ENTRY_BYTES = 24;
/** FLAG_ELF_LIBC6 with the required ABI in the second byte: x86-64 (0x03) and arm64 (0x0a). */
const FLAGS: ReadonlyMap<number, number> = new Map([
  [62, 0x0303],
  [183, 0x0a03],
]);

/**
 * Reads `/etc/ld.so.cache`: every entry for one machine, in the cache's order. A cache in another format, or a damaged one, gives what could
 * be read; the loader falls back to its directories in the same way.
 * @param machine `e_machine`
 */
export function parseLoaderCache(bytes: Uint8Array, machine: number): readonly LoaderCacheEntry[] {
  const text = new TextDecoder('latin1');
  // An old-format table may precede the new one.
  const start = indexOfText(bytes, MAGIC);
  if (start < 0 || bytes.length < start + HEADER_BYTES) return [];
  const data = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.byteLength - start);
  const count = Math.min(data.getUint32(20, true), Math.floor((data.byteLength - HEADER_BYTES) / ENTRY_BYTES));
  const wanted = FLAGS.get(machine);
  const read = (offset: number) => {
    const from = start + offset;
    const end = bytes.indexOf(0, from);
    return from < bytes.length && end >= 0 && end - from <= 4096 ? text.decode(bytes.subarray(from, end)) : '';
  };
  const entries: LoaderCacheEntry[] = [];
  for (let index = 0; index < count; index++) {
    const at = HEADER_BYTES + index * ENTRY_BYTES;
    if (wanted !== undefined && data.getInt32(at, true) !== wanted) continue;
    const name = read(data.getUint32(at + 4, true));
    const path = read(data.getUint32(at + 8, true));
    if (name !== '' && path.startsWith('/')) entries.push({ name, path });
  }
  return entries;
}

function indexOfText(bytes: Uint8Array, text: string): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(text, 0, 'latin1');
}
