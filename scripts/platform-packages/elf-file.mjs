// Reads what the checker asks of a 64-bit little-endian ELF file (System V ABI, chapters 4 and 5; symbol versions: LSB core, 10.7).
const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const PT = { LOAD: 1, DYNAMIC: 2, INTERP: 3, GNU_STACK: 0x6474e551, GNU_RELRO: 0x6474e552 };
const DT = {
  NEEDED: 1,
  STRTAB: 5,
  RPATH: 15,
  RUNPATH: 29,
  FLAGS: 30,
  FLAGS_1: 0x6ffffffb,
  VERNEED: 0x6ffffffe,
  VERNEEDNUM: 0x6fffffff,
};
const DF_BIND_NOW = 8;
const DF_1_NOW = 1;

/**
 * @param {Buffer} bytes the whole file
 * @throws Error when it is no such file, or a table of it lies outside the file
 */
export function readElf(bytes) {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) throw new Error('is no ELF file');
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new Error('is no 64-bit little-endian ELF file');
  const segments = table(bytes, offset(bytes, 32), bytes.readUInt16LE(54), bytes.readUInt16LE(56), segmentAt);
  const sections = table(bytes, offset(bytes, 40), bytes.readUInt16LE(58), bytes.readUInt16LE(60), sectionAt);
  const ofType = (type) => segments.filter((segment) => segment.type === type);
  const dynamic = dynamicOf(bytes, ofType(PT.DYNAMIC)[0], ofType(PT.LOAD));
  const interpreter = ofType(PT.INTERP)[0];
  return {
    type: bytes.readUInt16LE(16) === 2 ? 'executable' : bytes.readUInt16LE(16) === 3 ? 'shared' : 'other',
    machine: bytes.readUInt16LE(18),
    interpreter: interpreter && text(bytes, interpreter.offset),
    loadAlignment: Math.min(...ofType(PT.LOAD).map((segment) => segment.alignment)),
    hasExecutableStack:
      ofType(PT.GNU_STACK).some((segment) => (segment.flags & 1) !== 0) || ofType(PT.GNU_STACK).length === 0,
    hasRelro: ofType(PT.GNU_RELRO).length > 0,
    ...dynamic,
    hasSymbolTable: sections.some((section) => section.type === SHT_SYMTAB),
    exported: sections
      .filter((section) => section.type === SHT_DYNSYM)
      .flatMap((section) => exportsOf(bytes, section, sections)),
  };
}

function offset(bytes, at) {
  const value = bytes.readBigUInt64LE(at);
  if (value > BigInt(bytes.length)) throw new Error('has a table beyond its end');
  return Number(value);
}

function table(bytes, start, entryBytes, count, read) {
  return Array.from({ length: count }, (_, index) => read(bytes, start + index * entryBytes));
}

function segmentAt(bytes, at) {
  return {
    type: bytes.readUInt32LE(at),
    flags: bytes.readUInt32LE(at + 4),
    offset: offset(bytes, at + 8),
    address: bytes.readBigUInt64LE(at + 16),
    size: offset(bytes, at + 32),
    alignment: Number(bytes.readBigUInt64LE(at + 48)),
  };
}

function sectionAt(bytes, at) {
  return {
    type: bytes.readUInt32LE(at + 4),
    offset: Number(bytes.readBigUInt64LE(at + 24)),
    size: Number(bytes.readBigUInt64LE(at + 32)),
    link: bytes.readUInt32LE(at + 40),
  };
}

function dynamicOf(bytes, segment, loads) {
  const result = { needed: [], runPaths: [], bindsNow: false, versions: [], isDynamic: segment !== undefined };
  if (segment === undefined) return result;
  const entries = [];
  for (let at = segment.offset; at < segment.offset + segment.size; at += 16) {
    const tag = bytes.readBigInt64LE(at);
    if (tag === 0n) break;
    entries.push({ tag: Number(tag), value: bytes.readBigUInt64LE(at + 8) });
  }
  const value = (tag) => entries.find((entry) => entry.tag === tag)?.value;
  const fileOffset = (address) => {
    const load = loads.find((part) => address >= part.address && address < part.address + BigInt(part.size));
    if (load === undefined) throw new Error('has a table that is not in the file');
    return load.offset + Number(address - load.address);
  };
  if (value(DT.STRTAB) === undefined) return result;
  const strings = fileOffset(value(DT.STRTAB));
  const named = (tags) =>
    entries.filter(({ tag }) => tags.includes(tag)).map((entry) => text(bytes, strings + Number(entry.value)));
  result.needed = named([DT.NEEDED]);
  result.runPaths = named([DT.RPATH, DT.RUNPATH]);
  result.bindsNow =
    (Number(value(DT.FLAGS) ?? 0n) & DF_BIND_NOW) !== 0 || (Number(value(DT.FLAGS_1) ?? 0n) & DF_1_NOW) !== 0;
  const versions = value(DT.VERNEED);
  if (versions !== undefined)
    result.versions = versionsOf(bytes, fileOffset(versions), Number(value(DT.VERNEEDNUM)), strings);
  return result;
}

/** Names such as `GLIBC_2.34` that the file asks of its libraries. */
function versionsOf(bytes, start, count, strings) {
  const names = [];
  for (let index = 0, need = start; index < count; index += 1) {
    for (let inner = 0, aux = need + bytes.readUInt32LE(need + 8); inner < bytes.readUInt16LE(need + 2); inner += 1) {
      names.push(text(bytes, strings + bytes.readUInt32LE(aux + 8)));
      aux += bytes.readUInt32LE(aux + 12);
    }
    need += bytes.readUInt32LE(need + 12);
  }
  return names;
}

function exportsOf(bytes, section, sections) {
  const strings = sections[section.link]?.offset ?? 0;
  const names = [];
  for (let at = section.offset; at < section.offset + section.size; at += 24) {
    if (bytes.readUInt16LE(at + 6) !== 0) names.push(text(bytes, strings + bytes.readUInt32LE(at)));
  }
  return names;
}

function text(bytes, at) {
  const end = bytes.indexOf(0, at);
  return bytes.toString('latin1', at, end === -1 ? bytes.length : end);
}
