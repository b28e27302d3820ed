/**
 * QEMU's migration stream: migration/savevm.c and migration/ram.c, unchanged in what is here since version 2.10 but for
 * `COMMAND`. All numbers are big endian.
 */

/** `QEVM` */
export const STREAM_MAGIC = 0x51_45_56_4d;
export const STREAM_VERSION = 3;
/** TARGET_PAGE_SIZE of x86-64. */
export const PAGE_BYTES = 4096;

/** The first byte of a section. */
export const SectionType = {
  START: 1,
  PART: 2,
  END: 3,
  /** A section in one piece: a device. These come when the memory is through. */
  FULL: 4,
  CONFIGURATION: 7,
  COMMAND: 8,
  FOOTER: 0x7e,
} as const;

/** What a command says; it is followed by the length of its data. */
export const Command = {
  /** The guest stands still, what follows is the rest (MIG_CMD_SWITCHOVER_START): sent since QEMU 10.0, without data. */
  SWITCHOVER_START: 11,
} as const;

/** The low bits of a record in the section `ram`; the rest is an address in a block. */
export const PageFlag = {
  /** One byte that fills the page. */
  ZERO: 0x02,
  /** The list of the blocks and their sizes; the address is their sum. */
  BLOCKS: 0x04,
  PAGE: 0x08,
  END: 0x10,
  /** The block is the one of the record before. */
  CONTINUE: 0x20,
} as const;

/**
 * The guest's memory: `default_ram_id` of the microvm machine (hw/i386/microvm.c). A memory backend of a machine that is restored has the same
 * name, so that snapshots of both are alike.
 */
export const RAM_BLOCK = 'microvm.ram';
