/** Archives consist of such blocks (POSIX.1-2017 pax, "ustar Interchange Format"). */
const TAR_BLOCK = 512;
/** The largest size in eleven octal digits. */
const MAX_OCTAL_SIZE = 0o77777777777;

export interface TarMember {
  /** ASCII, at most 100 bytes; a directory's ends in "/". */
  readonly name: string;
  readonly size: number;
}

/** The header of a file or directory that belongs to root and is as old as time, so that the same input gives the same bytes. */
export function tarHeader({ name, size }: TarMember): Buffer {
  const isDirectory = name.endsWith('/');
  const block = Buffer.alloc(TAR_BLOCK);
  block.write(name, 0, 100, 'latin1');
  block.write(isDirectory ? '0000755' : '0000644', 100, 'latin1');
  for (const owner of [108, 116]) block.write('0000000', owner, 'latin1');
  if (size <= MAX_OCTAL_SIZE) block.write(size.toString(8).padStart(11, '0'), 124, 'latin1');
  else {
    // Base 256, marked by the high bit (GNU tar manual, "Extensions to the Standard"; Go and libarchive read it).
    block[124] = 0x80;
    block.writeBigUInt64BE(BigInt(size), 128);
  }
  block.write('00000000000', 136, 'latin1');
  block.write(isDirectory ? '5' : '0', 156, 'latin1');
  block.write('ustar\u000000', 257, 'latin1');
  // The checksum counts its own field as spaces.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** What fills the last block of a file. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK);
}

/** Two empty blocks. */
export function tarEnd(): Buffer {
  return Buffer.alloc(2 * TAR_BLOCK);
}
