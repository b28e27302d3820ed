import { HeaderExtension, HeaderField, QCOW2_MAGIC, QCOW2_VERSION, WRITTEN_HEADER_BYTES } from './format.js';
import { CLUSTER_BITS, REFCOUNT_ORDER } from './limits.js';

/** What differs between the headers written here. Offsets and sizes in bytes. */
export interface HeaderContent {
  readonly virtualSize: number;
  readonly l1Size: number;
  readonly l1TableOffset: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
  /** The name as bytes, see `encodeBackingName`. */
  readonly backing?: { readonly name: Uint8Array; readonly format: 'raw' | 'qcow2' };
}

/**
 * The header of a disk with 64 KiB clusters and 16-bit reference counts, its extensions and the backing name: the beginning of the
 * first cluster. QEMU bounds the name to 1023 bytes, so all of it is under 1200.
 */
export function encodeHeader(content: HeaderContent): Buffer {
  const extensions = encodeExtensions(content.backing?.format);
  const nameOffset = WRITTEN_HEADER_BYTES + extensions.length;
  const name = content.backing?.name ?? new Uint8Array(0);
  const header = Buffer.alloc(nameOffset + name.length);

  header.writeUInt32BE(QCOW2_MAGIC, HeaderField.magic);
  header.writeUInt32BE(QCOW2_VERSION, HeaderField.version);
  header.writeBigUInt64BE(BigInt(name.length === 0 ? 0 : nameOffset), HeaderField.backingFileOffset);
  header.writeUInt32BE(name.length, HeaderField.backingFileSize);
  header.writeUInt32BE(CLUSTER_BITS, HeaderField.clusterBits);
  header.writeBigUInt64BE(BigInt(content.virtualSize), HeaderField.size);
  header.writeUInt32BE(content.l1Size, HeaderField.l1Size);
  header.writeBigUInt64BE(BigInt(content.l1TableOffset), HeaderField.l1TableOffset);
  header.writeBigUInt64BE(BigInt(content.refcountTableOffset), HeaderField.refcountTableOffset);
  header.writeUInt32BE(content.refcountTableClusters, HeaderField.refcountTableClusters);
  header.writeUInt32BE(REFCOUNT_ORDER, HeaderField.refcountOrder);
  header.writeUInt32BE(WRITTEN_HEADER_BYTES, HeaderField.headerLength);
  extensions.copy(header, WRITTEN_HEADER_BYTES);
  header.set(name, nameOffset);
  return header;
}

/** The backing format, explicit so that nobody sniffs it (a guest could write a qcow2 header into a raw disk), and the end marker. */
function encodeExtensions(format: string | undefined): Buffer {
  const data = Buffer.from(format ?? '', 'latin1');
  const formatBytes = format === undefined ? 0 : 8 + Math.ceil(data.length / 8) * 8;
  const extensions = Buffer.alloc(formatBytes + 8);
  if (format !== undefined) {
    extensions.writeUInt32BE(HeaderExtension.backingFormat, 0);
    extensions.writeUInt32BE(data.length, 4);
    data.copy(extensions, 8);
  }
  return extensions;
}
