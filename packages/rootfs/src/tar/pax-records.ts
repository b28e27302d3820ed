import type { ByteString, Timestamp } from '../tree/image-node.js';
import { invalidLayer } from './tar-entry.js';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;
const XATTR_PREFIX = 'SCHILY.xattr.';
/** The form of libarchive: the name percent-encoded, the value in base64. */
const ENCODED_XATTR_PREFIX = 'LIBARCHIVE.xattr.';

/** Records of an extended header, in order: the same key may come several times (GNU sparse maps). */
export type PaxRecords = readonly (readonly [key: ByteString, value: Buffer])[];

/**
 * Reads the records of a pax extended header ("length key=value\n", length counting all of it). Values stay bytes, and views into
 * `bytes`: attributes are binary, and names need not be UTF-8.
 * @throws BoxliteError `layer_invalid`
 */
export function parsePaxRecords(bytes: Buffer): PaxRecords {
  const records: [ByteString, Buffer][] = [];
  for (let at = 0; at < bytes.length; ) {
    // Some writers pad the header with zeros.
    if (bytes[at] === 0) break;
    const space = bytes.indexOf(SPACE, at);
    const length = space < 0 ? Number.NaN : decimal(bytes.toString('latin1', at, space));
    const end = at + length;
    if (!(end <= bytes.length) || length < 5 || bytes[end - 1] !== NEWLINE)
      throw invalidLayer('a pax record is malformed');
    const equals = bytes.indexOf(EQUALS, space);
    if (equals < 0 || equals >= end || equals === space + 1) throw invalidLayer('a pax record has no key');
    records.push([bytes.toString('latin1', space + 1, equals), bytes.subarray(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

/** What an extended header says about the entry behind it. Undefined members are those of the plain header. */
export interface PaxAttributes {
  readonly path?: ByteString;
  readonly linkpath?: ByteString;
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: Timestamp;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
  readonly xattrs?: ReadonlyMap<ByteString, Uint8Array>;
}

/** @throws BoxliteError `layer_invalid` for values that are no numbers or names */
export function readPaxAttributes(records: PaxRecords): PaxAttributes {
  const attributes: { -readonly [key in keyof PaxAttributes]: PaxAttributes[key] } = {};
  for (const [key, value] of records) {
    // An empty value takes a record back; a later one replaces an earlier one.
    const isEmpty = value.length === 0;
    if (key === 'path' || key === 'linkpath') {
      if (value.includes(0)) throw invalidLayer(`the pax ${key} contains a NUL`, undefined, key);
      if (isEmpty) delete attributes[key];
      else attributes[key] = value.toString('latin1');
    } else if (key === 'size' || key === 'uid' || key === 'gid') {
      if (isEmpty) delete attributes[key];
      else attributes[key] = paxNumber(key, value);
    } else if (key === 'mtime') {
      if (isEmpty) delete attributes.mtime;
      else attributes.mtime = parsePaxTime(value.toString('latin1'));
    } else if (key === 'SCHILY.devmajor') {
      attributes.deviceMajor = paxNumber(key, value);
    } else if (key === 'SCHILY.devminor') {
      attributes.deviceMinor = paxNumber(key, value);
    }
  }
  const xattrs = readXattrs(records);
  if (xattrs.size > 0) attributes.xattrs = xattrs;
  return attributes;
}

/** Where both forms tell of an attribute, the plain one counts. */
function readXattrs(records: PaxRecords): Map<ByteString, Uint8Array> {
  const xattrs = new Map<ByteString, Uint8Array>();
  for (const [key, value] of records) {
    if (key.startsWith(ENCODED_XATTR_PREFIX)) xattrs.set(decodeXattrName(key), decodeXattrValue(value));
  }
  for (const [key, value] of records) {
    if (key.startsWith(XATTR_PREFIX)) xattrs.set(key.slice(XATTR_PREFIX.length), value);
  }
  return xattrs;
}

function decodeXattrName(key: ByteString): ByteString {
  return key
    .slice(ENCODED_XATTR_PREFIX.length)
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function decodeXattrValue(value: Buffer): Uint8Array {
  const text = value.toString('latin1');
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw invalidLayer('an extended attribute is no base64', undefined, 'xattrs');
  }
  return Buffer.from(text, 'base64');
}

/** Decimal seconds with an optional fraction, kept to the nanosecond; the fraction of a negative time counts backwards. */
export function parsePaxTime(text: string): Timestamp {
  const match = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw invalidLayer('the pax mtime is no time', undefined, 'mtime');
  const [, sign, whole, fraction = ''] = match;
  const seconds = Number(whole);
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign !== '-') return { seconds, nanoseconds };
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds: 0 }
    : { seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** @throws BoxliteError `layer_invalid` when the value is no decimal number */
export function paxNumber(key: string, value: Buffer): number {
  const number = decimal(value.toString('latin1'));
  if (Number.isNaN(number)) throw invalidLayer(`the pax record ${key} is no number`, undefined, key);
  return number;
}

function decimal(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}
