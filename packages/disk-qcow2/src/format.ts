/** "QFI" and 0xfb, the first four bytes. */
export const QCOW2_MAGIC = 0x514649fb;
/** The version written. */
export const QCOW2_VERSION = 3;
/** The older version, read only: no feature bits, no clusters of zeros, reference counts of 16 bits. */
export const QCOW2_OLD_VERSION = 2;

/** Byte offsets of the header's fields (qcow2 specification, "Header"). */
export const HeaderField = {
  magic: 0,
  version: 4,
  backingFileOffset: 8,
  backingFileSize: 16,
  clusterBits: 20,
  size: 24,
  cryptMethod: 32,
  l1Size: 36,
  l1TableOffset: 40,
  refcountTableOffset: 48,
  refcountTableClusters: 56,
  snapshotCount: 60,
  snapshotsOffset: 64,
  incompatibleFeatures: 72,
  compatibleFeatures: 80,
  autoclearFeatures: 88,
  refcountOrder: 96,
  headerLength: 100,
  compressionType: 104,
} as const;

/** Bytes of a version 2 header. */
export const OLD_HEADER_BYTES = 72;
/** Width of a reference count of version 2, as a power of two in bits: 16 bits. */
export const OLD_REFCOUNT_ORDER = 4;
/** Bytes of a version 3 header without optional fields. */
export const MIN_HEADER_BYTES = 104;
/** Bytes of the header as written here: with `compression_type` and its padding, as QEMU does. */
export const WRITTEN_HEADER_BYTES = 112;

/** Types of header extensions that mean something here. */
export const HeaderExtension = {
  end: 0,
  backingFormat: 0xe2792aca,
  bitmaps: 0x23852875,
  encryption: 0x0537be77,
  externalDataName: 0x44415441,
} as const;

/** Bits of `incompatible_features`. */
export const IncompatibleFeature = {
  dirty: 1n,
  corrupt: 2n,
  externalData: 4n,
  compressionType: 8n,
  extendedL2: 16n,
} as const;

/** Bits of `autoclear_features`. */
export const AutoclearFeature = { rawExternalData: 2n } as const;

/** Bit 63 of an L1 or L2 entry, in its high word: the cluster has a reference count of exactly one. */
export const COPIED_HIGH = 0x8000_0000;
/** Bit 62 of an L2 entry, in its high word: the cluster is compressed. */
export const COMPRESSED_HIGH = 0x4000_0000;
/** Bits 56 to 62 of an L1 entry and 56 to 61 of a standard L2 entry, in the high word, are reserved. */
export const L1_RESERVED_HIGH = 0x7f00_0000;
export const L2_RESERVED_HIGH = 0x3f00_0000;
/** Bit 0 of a standard L2 entry, in its low word: the cluster reads as zeros. */
export const ZERO_LOW = 1;
