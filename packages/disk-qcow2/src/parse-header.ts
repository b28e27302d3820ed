import { decodeStrictBackingName } from './backing-name.js';
import { diskInvalid } from './disk-errors.js';
import {
  AutoclearFeature,
  HeaderField,
  IncompatibleFeature,
  MIN_HEADER_BYTES,
  OLD_HEADER_BYTES,
  OLD_REFCOUNT_ORDER,
  QCOW2_MAGIC,
  QCOW2_OLD_VERSION,
  QCOW2_VERSION,
} from './format.js';
import { l1EntriesFor, type Qcow2Header } from './header.js';
import { parseExtensions } from './header-extensions.js';
import {
  CLUSTER_BITS_RANGE,
  MAX_BACKING_NAME_BYTES,
  MAX_HEADER_AREA_BYTES,
  MAX_L1_BYTES,
  MAX_REFCOUNT_ORDER,
  MAX_REFCOUNT_TABLE_BYTES,
  MAX_SNAPSHOTS,
  MAX_VIRTUAL_BYTES,
  SECTOR_BYTES,
} from './limits.js';

/**
 * Strictly parses a qcow2 header, of version 3 or 2.
 * @param area the first bytes of the file: `MAX_HEADER_AREA_BYTES`, or the whole of a shorter file
 * @param fileSize bytes; every table the header names must lie inside
 * @param path for messages
 * @throws BoxliteError `disk_invalid`, `details.field` in the specification's words
 */
export function parseHeader(area: Buffer, fileSize: number, path: string): Qcow2Header {
  const refuse = (field: string, why: string) => diskInvalid(path, field, why);

  if (area.length < 4 || area.readUInt32BE(HeaderField.magic) !== QCOW2_MAGIC) {
    throw refuse('magic', 'this is not a qcow2 file');
  }
  if (area.length < OLD_HEADER_BYTES) throw refuse('header', `the file ends inside it, after ${area.length} bytes`);
  const version = area.readUInt32BE(HeaderField.version);
  if (version !== QCOW2_OLD_VERSION && version !== QCOW2_VERSION) {
    throw refuse('version', `${version} is not supported, only ${QCOW2_OLD_VERSION} and ${QCOW2_VERSION} are`);
  }

  const clusterBits = area.readUInt32BE(HeaderField.clusterBits);
  if (clusterBits < CLUSTER_BITS_RANGE.min || clusterBits > CLUSTER_BITS_RANGE.max) {
    throw refuse('cluster_bits', `${clusterBits} is not in ${CLUSTER_BITS_RANGE.min} to ${CLUSTER_BITS_RANGE.max}`);
  }
  const clusterBytes = 2 ** clusterBits;
  const { headerLength, refcountOrder, ...features } =
    version === QCOW2_VERSION ? parseVersion3(area, clusterBytes, path) : VERSION_2;
  const crypt = area.readUInt32BE(HeaderField.cryptMethod);
  if (crypt !== 0) throw refuse('crypt_method', `${crypt}: encrypted disks are not supported`);
  const snapshotCount = area.readUInt32BE(HeaderField.snapshotCount);
  if (snapshotCount > MAX_SNAPSHOTS) throw refuse('nb_snapshots', `${snapshotCount} is more than ${MAX_SNAPSHOTS}`);
  const snapshotsOffset = area.readBigUInt64BE(HeaderField.snapshotsOffset);
  const noTable = snapshotCount > 0 && snapshotsOffset === 0n;
  if (noTable || snapshotsOffset % BigInt(clusterBytes) !== 0n || snapshotsOffset > BigInt(fileSize)) {
    throw refuse('snapshots_offset', `${snapshotsOffset} is not the start of a cluster of the file`);
  }
  const tables = parseTables(area, fileSize, clusterBits, path);
  const { name, areaEnd } = parseBackingName(area, headerLength, clusterBytes, path);
  const { backingFormat } = parseExtensions(area.subarray(headerLength, areaEnd), path);
  let backing: Qcow2Header['backing'];
  if (name !== undefined) {
    if (backingFormat === undefined) {
      throw refuse('backing_format', 'a backing file is named without its format, and a format is never guessed');
    }
    backing = { name, format: backingFormat };
  }
  return {
    version,
    clusterBits,
    refcountOrder,
    headerLength,
    snapshotCount,
    snapshotsOffset: Number(snapshotsOffset),
    ...tables,
    ...features,
    backing,
  };
}

/** The fields only version 3 has. */
type Version3Fields = Pick<
  Qcow2Header,
  'headerLength' | 'refcountOrder' | 'dirty' | 'autoclearFeatures' | 'compression'
>;

const VERSION_2: Version3Fields = {
  headerLength: OLD_HEADER_BYTES,
  refcountOrder: OLD_REFCOUNT_ORDER,
  dirty: false,
  autoclearFeatures: 0n,
  compression: 'deflate',
};

function parseVersion3(area: Buffer, clusterBytes: number, path: string): Version3Fields {
  if (area.length < MIN_HEADER_BYTES) {
    throw diskInvalid(path, 'header', `the file ends inside it, after ${area.length} bytes`);
  }
  const headerLength = area.readUInt32BE(HeaderField.headerLength);
  if (headerLength < MIN_HEADER_BYTES || headerLength % 8 !== 0 || headerLength > Math.min(clusterBytes, area.length)) {
    throw diskInvalid(
      path,
      'header_length',
      `${headerLength} is not a multiple of 8 from ${MIN_HEADER_BYTES} to the first cluster's end`,
    );
  }
  const refcountOrder = area.readUInt32BE(HeaderField.refcountOrder);
  if (refcountOrder > MAX_REFCOUNT_ORDER) {
    throw diskInvalid(path, 'refcount_order', `${refcountOrder} is not in 0 to ${MAX_REFCOUNT_ORDER}`);
  }
  return { headerLength, refcountOrder, ...parseFeatures(area, headerLength, path) };
}

function parseTables(
  area: Buffer,
  fileSize: number,
  clusterBits: number,
  path: string,
): Pick<Qcow2Header, 'virtualSize' | 'l1Size' | 'l1TableOffset' | 'refcountTableOffset' | 'refcountTableClusters'> {
  const refuse = (field: string, why: string) => diskInvalid(path, field, why);
  const clusterBytes = 2 ** clusterBits;
  const size = area.readBigUInt64BE(HeaderField.size);
  if (size === 0n || size > BigInt(MAX_VIRTUAL_BYTES) || size % BigInt(SECTOR_BYTES) !== 0n) {
    throw refuse('size', `${size} is not a multiple of ${SECTOR_BYTES} from ${SECTOR_BYTES} to ${MAX_VIRTUAL_BYTES}`);
  }
  const virtualSize = Number(size);

  const table = (field: string, at: number, bytes: number): number => {
    const offset = area.readBigUInt64BE(at);
    if (offset === 0n || offset % BigInt(clusterBytes) !== 0n) {
      throw refuse(field, `${offset} is not the start of a cluster after the first`);
    }
    if (offset + BigInt(bytes) > BigInt(fileSize)) {
      throw refuse(field, `${bytes} bytes at ${offset} are not inside the file of ${fileSize} bytes`);
    }
    return Number(offset);
  };

  const l1Size = area.readUInt32BE(HeaderField.l1Size);
  const l1Needed = l1EntriesFor(virtualSize, clusterBits);
  if (l1Size < l1Needed || l1Size * 8 > MAX_L1_BYTES) {
    throw refuse('l1_size', `${l1Size} entries is not from the ${l1Needed} the size needs to ${MAX_L1_BYTES / 8}`);
  }
  const l1TableOffset = table('l1_table_offset', HeaderField.l1TableOffset, l1Size * 8);
  const refcountTableClusters = area.readUInt32BE(HeaderField.refcountTableClusters);
  const refcountTableBytes = refcountTableClusters * clusterBytes;
  if (refcountTableClusters === 0 || refcountTableBytes > MAX_REFCOUNT_TABLE_BYTES) {
    throw refuse(
      'refcount_table_clusters',
      `${refcountTableClusters} is not from 1 to ${MAX_REFCOUNT_TABLE_BYTES} bytes`,
    );
  }
  // The table's last cluster may lie unwritten past the end of the file: only its start must be inside.
  const refcountTableOffset = table('refcount_table_offset', HeaderField.refcountTableOffset, 1);
  if (
    l1TableOffset < refcountTableOffset + refcountTableBytes &&
    refcountTableOffset < l1TableOffset + Math.ceil((l1Size * 8) / clusterBytes) * clusterBytes
  ) {
    throw refuse('l1_table_offset', 'the L1 table overlaps the refcount table');
  }

  return { virtualSize, l1Size, l1TableOffset, refcountTableOffset, refcountTableClusters };
}

function parseFeatures(
  area: Buffer,
  headerLength: number,
  path: string,
): Pick<Qcow2Header, 'dirty' | 'autoclearFeatures' | 'compression'> {
  const field = 'incompatible_features';
  const bits = area.readBigUInt64BE(HeaderField.incompatibleFeatures);
  if ((bits & IncompatibleFeature.corrupt) !== 0n) throw diskInvalid(path, field, 'the disk is marked corrupt');
  if ((bits & IncompatibleFeature.externalData) !== 0n) {
    throw diskInvalid(path, field, 'external data files are not supported');
  }
  if ((bits & IncompatibleFeature.extendedL2) !== 0n) {
    throw diskInvalid(path, field, 'extended L2 entries are not supported');
  }
  const known = IncompatibleFeature.dirty | IncompatibleFeature.compressionType;
  if ((bits & ~known) !== 0n) throw diskInvalid(path, field, `0x${bits.toString(16)} has unknown bits`);

  const compressionType = headerLength > HeaderField.compressionType ? area.readUInt8(HeaderField.compressionType) : 0;
  const flagged = (bits & IncompatibleFeature.compressionType) !== 0n;
  if (compressionType > 1 || flagged !== (compressionType !== 0)) {
    throw diskInvalid(path, 'compression_type', `${compressionType} is unknown or contradicts the feature bits`);
  }
  const autoclearFeatures = area.readBigUInt64BE(HeaderField.autoclearFeatures);
  if ((autoclearFeatures & AutoclearFeature.rawExternalData) !== 0n) {
    throw diskInvalid(path, 'autoclear_features', 'a raw external data file is announced, none is supported');
  }
  return {
    dirty: (bits & IncompatibleFeature.dirty) !== 0n,
    autoclearFeatures,
    compression: compressionType === 0 ? 'deflate' : 'zstd',
  };
}

function parseBackingName(
  area: Buffer,
  headerLength: number,
  clusterBytes: number,
  path: string,
): { readonly name: string | undefined; readonly areaEnd: number } {
  const areaEnd = Math.min(area.length, clusterBytes, MAX_HEADER_AREA_BYTES);
  const offset = area.readBigUInt64BE(HeaderField.backingFileOffset);
  const size = area.readUInt32BE(HeaderField.backingFileSize);
  if (offset === 0n && size === 0) return { name: undefined, areaEnd };
  if (offset < BigInt(headerLength) || offset > BigInt(areaEnd)) {
    throw diskInvalid(path, 'backing_file_offset', `${offset} is not between the header and byte ${areaEnd}`);
  }
  if (size === 0 || size > MAX_BACKING_NAME_BYTES || Number(offset) + size > areaEnd) {
    throw diskInvalid(
      path,
      'backing_file_size',
      `${size} at ${offset} is not 1 to ${MAX_BACKING_NAME_BYTES} bytes before byte ${areaEnd}`,
    );
  }
  const start = Number(offset);
  return { name: decodeStrictBackingName(area.subarray(start, start + size), path), areaEnd: start };
}
