/** Cluster size of the disks written here, as a power of two: 64 KiB, QEMU's default. */
export const CLUSTER_BITS = 16;
/** Bytes a cluster of the disks written here. */
export const CLUSTER_BYTES = 2 ** CLUSTER_BITS;
/** Width of a reference count of the disks written here, as a power of two in bits: 16 bits. */
export const REFCOUNT_ORDER = 4;

/** Smallest and largest `cluster_bits` of the format (qcow2 specification, header). */
export const CLUSTER_BITS_RANGE = { min: 9, max: 21 } as const;
/** Largest `refcount_order` of the format: 64 bits. */
export const MAX_REFCOUNT_ORDER = 6;

/** Files a backing chain may hold, the overlay included. */
export const MAX_CHAIN_DEPTH = 8;
/** Bytes a backing file's name may have (qcow2 specification, `backing_file_size`). */
export const MAX_BACKING_NAME_BYTES = 1023;
/** Bytes from the start of the file in which header, extensions and backing name must lie; bounds what `chain` reads. */
export const MAX_HEADER_AREA_BYTES = 65_536;

/** The unit of virtual sizes, bytes: a sector. */
export const SECTOR_BYTES = 512;
/** Largest virtual size, bytes: 64 TiB, what an L1 table of {@link MAX_L1_BYTES} maps with 64 KiB clusters. */
export const MAX_VIRTUAL_BYTES = 2 ** 46;
/** Largest L1 table, bytes. The format allows 32 MiB in QEMU; this bounds the work a hostile disk can ask for. */
export const MAX_L1_BYTES = 2 ** 20;
/** Largest refcount table, bytes: QEMU's own limit. */
export const MAX_REFCOUNT_TABLE_BYTES = 2 ** 23;
/** Most internal snapshots of a disk, and most bytes of their table; QEMU allows 65536 and 64 MiB, which nobody has. */
export const MAX_SNAPSHOTS = 1024;
export const MAX_SNAPSHOT_TABLE_BYTES = 2 ** 20;
/** Most clusters a file may have to be checked: 1 TiB of 64 KiB clusters, 64 MiB of memory. */
export const MAX_CHECKED_CLUSTERS = 2 ** 24;
/** Most L2 tables a new child comes with, as holes: those of 64 GiB. Their entries stay within one page of the L1 table. */
export const MAX_PREPARED_TABLES = 128;
/** Bytes moved at a time when a disk is flattened. */
export const COPY_CHUNK_BYTES = 2 ** 20;
