import type { BuiltKernel } from './cache/kernel-cache.js';
import { PT_LOAD, PT_NOTE, parseElfHeader, parseSegments } from './elf/elf-header.js';
import { pvhElfHeader } from './elf/pvh-elf.js';
import { pvhEntryOfNotes } from './elf/pvh-note.js';
import { parseArm64Image } from './image/arm64-image.js';
import { kernelInvalid } from './kernel-invalid.js';
import { kernelVersion } from './kernel-version.js';
import { readKrunfwKernel } from './libkrunfw/krunfw-kernel.js';

/**
 * Wraps the kernel of a libkrunfw into an ELF with a PVH note.
 * @throws BoxliteError `kernel_unavailable` when the file is not a libkrunfw with such a kernel
 */
export function buildFromLibkrunfw(library: Uint8Array): BuiltKernel {
  const kernel = readKrunfwKernel(library);
  const version = kernelVersion(kernel.image);
  if (version === undefined) throw kernelInvalid('version', 'holds data without a Linux version in it');
  return { parts: [pvhElfHeader(kernel), kernel.image], version };
}

/**
 * Takes a ready `vmlinux` as it is, after a look at its headers, PVH note and banner.
 * @throws BoxliteError `kernel_unavailable` when it is not one
 */
export function buildFromVmlinux(vmlinux: Uint8Array): BuiltKernel {
  const header = parseElfHeader(vmlinux);
  const segments = parseSegments(vmlinux, header, vmlinux.length);
  if (!segments.some(({ type }) => type === PT_LOAD)) throw kernelInvalid('p_type', 'has nothing to load');
  const hasPvhEntry = segments.some(
    ({ type, offset, fileSize }) =>
      type === PT_NOTE && pvhEntryOfNotes(vmlinux.subarray(offset, offset + fileSize)) !== undefined,
  );
  if (!hasPvhEntry) throw kernelInvalid('pvh_note', 'is an ELF without a PVH entry (CONFIG_PVH)');
  const version = kernelVersion(vmlinux);
  if (version === undefined) throw kernelInvalid('version', 'is an ELF without a Linux version in it');
  return { parts: [vmlinux], version };
}

/**
 * Takes an arm64 `Image` as it is, after a look at its header and banner.
 * @throws BoxliteError `kernel_unavailable` when it is not one
 */
export function buildFromArm64Image(image: Uint8Array): BuiltKernel {
  parseArm64Image(image);
  const version = kernelVersion(image);
  if (version === undefined) throw kernelInvalid('version', 'is an arm64 image without a Linux version in it');
  return { parts: [image], version };
}
