import { BoxliteError } from '@boxlite/core';
import { type ByteString, displayName } from '../tree/image-node.js';
import { crc32c } from './crc32c.js';
import { BLOCK_SIZE, EXTRA_ISIZE, INODE_SIZE } from './format.js';
import { encodePosixAcl } from './posix-acl.js';

const MAGIC = 0xea020000;
const ENTRY_BYTES = 16;
const BLOCK_HEADER_BYTES = 32;
/** Bytes of an inode behind its fields, for attributes stored with it. */
export const INODE_XATTR_BYTES = INODE_SIZE - 128 - EXTRA_ISIZE;
/** The end of the entries is marked by four zero bytes. */
const TERMINATOR_BYTES = 4;

/** Prefixes ext4 stores as a number (fs/ext4/xattr.h); the first that fits counts. */
const NAMESPACES: readonly (readonly [prefix: string, index: number])[] = [
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['user.', 1],
  ['trusted.', 4],
  ['security.', 6],
  ['system.', 7],
];

/** An attribute as ext4 stores it. */
interface Attribute {
  readonly index: number;
  readonly name: Buffer;
  readonly value: Uint8Array;
}

/** Where the attributes of one inode go. */
export interface EncodedXattrs {
  /** {@link INODE_XATTR_BYTES} long, or empty when nothing is stored in the inode. */
  readonly inInode: Uint8Array;
  /** A whole block without its checksum (see {@link sealXattrBlock}), or undefined. */
  readonly block: Uint8Array | undefined;
}

/**
 * Encodes the extended attributes of an inode: into the inode as far as they fit, the rest into one block.
 * @throws BoxliteError `layer_invalid` for attributes ext4 cannot store
 */
export function encodeXattrs(xattrs: ReadonlyMap<ByteString, Uint8Array>): EncodedXattrs {
  const attributes = [...xattrs].map(([name, value]) => attributeOf(name, value)).sort(compareAttributes);
  const near: Attribute[] = [];
  const far: Attribute[] = [];
  let room = INODE_XATTR_BYTES - 4 - TERMINATOR_BYTES;
  for (const attribute of attributes) {
    if (storedBytes(attribute) <= room) {
      room -= storedBytes(attribute);
      near.push(attribute);
    } else {
      far.push(attribute);
    }
  }
  const needed = far.reduce((sum, attribute) => sum + storedBytes(attribute), BLOCK_HEADER_BYTES + TERMINATOR_BYTES);
  if (needed > BLOCK_SIZE) {
    throw new BoxliteError('layer_invalid', `extended attributes of ${needed} bytes do not fit into an ext4 inode`, {
      hint: `a file may carry about ${BLOCK_SIZE} bytes of extended attributes`,
      details: { field: 'xattrs' },
    });
  }
  return {
    inInode: near.length === 0 ? new Uint8Array(0) : encodeInInode(near),
    block: far.length === 0 ? undefined : encodeBlock(far),
  };
}

/** Completes an attribute block with the checksum, which covers its own block number. */
export function sealXattrBlock(bytes: Uint8Array, block: number, checksumSeed: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(block), true);
  view.setUint32(16, 0, true);
  view.setUint32(16, crc32c(crc32c(checksumSeed, number), bytes), true);
}

function attributeOf(name: ByteString, value: Uint8Array): Attribute {
  const namespace = NAMESPACES.find(([prefix]) => name.startsWith(prefix));
  const rest = namespace === undefined ? '' : name.slice(namespace[0].length);
  const isAcl = namespace?.[1] === 2 || namespace?.[1] === 3;
  if (namespace === undefined || (rest === '') !== isAcl || rest.length > 255 || rest.includes('\0')) {
    throw new BoxliteError('layer_invalid', `ext4 has no extended attribute ${JSON.stringify(displayName(name))}`, {
      hint: 'attributes are user.*, trusted.*, security.*, system.* with names of up to 255 bytes',
      details: { field: 'xattrs' },
    });
  }
  return {
    index: namespace[1],
    name: Buffer.from(rest, 'latin1'),
    value: isAcl ? encodePosixAcl(value) : value,
  };
}

/** The order the kernel searches a block in: name index, then length, then bytes. */
function compareAttributes(a: Attribute, b: Attribute): number {
  return a.index - b.index || a.name.length - b.name.length || Buffer.compare(a.name, b.name);
}

function storedBytes(attribute: Attribute): number {
  return ENTRY_BYTES + padded(attribute.name.length) + padded(attribute.value.length);
}

function encodeInInode(attributes: readonly Attribute[]): Uint8Array {
  const bytes = new Uint8Array(INODE_XATTR_BYTES);
  new DataView(bytes.buffer).setUint32(0, MAGIC, true);
  // Offsets of values count from the first entry here, and hashes are not used.
  writeEntries(bytes, 4, 4, attributes, () => 0);
  return bytes;
}

function encodeBlock(attributes: readonly Attribute[]): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, 1, true); // h_refcount
  view.setUint32(8, 1, true); // h_blocks
  let blockHash = 0;
  writeEntries(bytes, BLOCK_HEADER_BYTES, 0, attributes, (attribute) => {
    const hash = entryHash(attribute);
    blockHash = ((blockHash << 16) ^ (blockHash >>> 16) ^ hash) >>> 0;
    return hash;
  });
  view.setUint32(12, blockHash, true);
  return bytes;
}

function writeEntries(
  bytes: Uint8Array,
  start: number,
  valueBase: number,
  attributes: readonly Attribute[],
  hashOf: (attribute: Attribute) => number,
): void {
  const view = new DataView(bytes.buffer);
  let at = start;
  let valueAt = bytes.length;
  for (const attribute of attributes) {
    valueAt -= padded(attribute.value.length);
    view.setUint8(at, attribute.name.length);
    view.setUint8(at + 1, attribute.index);
    view.setUint16(at + 2, attribute.value.length === 0 ? 0 : valueAt - valueBase, true);
    view.setUint32(at + 8, attribute.value.length, true);
    view.setUint32(at + 12, hashOf(attribute), true);
    bytes.set(attribute.name, at + ENTRY_BYTES);
    bytes.set(attribute.value, valueAt);
    at += ENTRY_BYTES + padded(attribute.name.length);
  }
}

/** The hash of fs/ext4/xattr.c, over the name and the value as little-endian words. */
function entryHash({ name, value }: Attribute): number {
  let hash = 0;
  for (const byte of name) hash = (hash << 5) ^ (hash >>> 27) ^ byte;
  const words = new Uint8Array(padded(value.length));
  words.set(value);
  const view = new DataView(words.buffer);
  for (let at = 0; at < words.length; at += 4) hash = (hash << 16) ^ (hash >>> 16) ^ view.getUint32(at, true);
  return hash >>> 0;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
