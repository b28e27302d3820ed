import { readUint64, viewOf } from '../elf/elf-header.js';
import { kernelInvalid } from '../kernel-invalid.js';

/** The header of an arm64 kernel image (Documentation/arm64/booting.rst of Linux): 64 bytes, `magic` at 56. */
const HEADER_BYTES = 64;
const MAGIC_AT = 56;
/** "ARM\x64", little-endian. */
const MAGIC = 0x644d5241;
const IMAGE_SIZE_AT = 16;
const FLAGS_AT = 24;
const BIG_ENDIAN = 1n;

/**
 * Looks at the header of an arm64 `Image`.
 * @param bytes the whole file
 * @returns bytes of memory the kernel takes, its bss included
 * @throws BoxliteError `kernel_unavailable` for anything else, compressed images among them
 */
export function parseArm64Image(bytes: Uint8Array): { readonly memorySize: number } {
  const view = viewOf(bytes);
  if (bytes.length < HEADER_BYTES || view.getUint32(MAGIC_AT, true) !== MAGIC) {
    throw kernelInvalid('magic', 'is not an uncompressed arm64 kernel image');
  }
  if ((view.getBigUint64(FLAGS_AT, true) & BIG_ENDIAN) !== 0n) throw kernelInvalid('flags', 'is a big-endian kernel');
  const memorySize = readUint64(view, IMAGE_SIZE_AT, 'image_size');
  if (memorySize < bytes.length) throw kernelInvalid('image_size', 'is longer than the memory it announces');
  return { memorySize };
}
