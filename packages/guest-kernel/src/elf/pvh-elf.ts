import { BoxliteError } from '@boxlite/core';
import { ELF_HEADER_BYTES, PROGRAM_HEADER_BYTES, PT_LOAD, PT_NOTE, viewOf } from './elf-header.js';
import { XEN_ELFNOTE_PHYS32_ENTRY } from './pvh-note.js';

/** The kernel's bytes start here in the file: one page, so that the segment can be mapped. */
export const PVH_ELF_IMAGE_OFFSET = 4096;
/**
 * Memory reserved behind the image for what a raw image leaves out (bss and brk, about 3 MiB in a 6.12 kernel): the loader
 * must not put the start info or an initrd there.
 */
export const PVH_ELF_BSS_BYTES = 4 * 1024 * 1024;

const ET_EXEC = 2;
const EM_X86_64 = 62;
const NOTE_BYTES = 20;

/** A raw kernel image and where it runs. Addresses physical, sizes in bytes. */
export interface RawKernel {
  readonly loadAddress: number;
  /** The 64-bit entry: what libkrun jumps to. */
  readonly entry: number;
  /** The 32-bit PVH entry: what QEMU jumps to. */
  readonly pvhEntry: number;
  readonly imageBytes: number;
}

/**
 * Everything of the wrapped kernel that comes before the image: ELF header, one PT_LOAD, one PT_NOTE with the PVH entry, padding.
 * The file is these {@link PVH_ELF_IMAGE_OFFSET} bytes followed by the image.
 * @throws BoxliteError `invalid_argument` when an entry lies outside the image
 */
export function pvhElfHeader(kernel: RawKernel): Uint8Array {
  const { loadAddress, entry, pvhEntry, imageBytes } = kernel;
  for (const [field, address] of Object.entries({ entry, pvhEntry })) {
    if (address < loadAddress || address >= loadAddress + imageBytes) {
      throw new BoxliteError('invalid_argument', `${field} 0x${address.toString(16)} lies outside the kernel image`, {
        details: { field },
      });
    }
  }
  const bytes = new Uint8Array(PVH_ELF_IMAGE_OFFSET);
  const view = viewOf(bytes);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_EXEC, true);
  view.setUint16(18, EM_X86_64, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(entry), true);
  view.setBigUint64(32, BigInt(ELF_HEADER_BYTES), true);
  view.setUint16(52, ELF_HEADER_BYTES, true);
  view.setUint16(54, PROGRAM_HEADER_BYTES, true);
  view.setUint16(56, 2, true);

  const noteAt = ELF_HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
  const readWriteExecute = 7;
  const readOnly = 4;
  programHeader(view, ELF_HEADER_BYTES, {
    type: PT_LOAD,
    flags: readWriteExecute,
    offset: PVH_ELF_IMAGE_OFFSET,
    address: loadAddress,
    fileSize: imageBytes,
    memorySize: imageBytes + PVH_ELF_BSS_BYTES,
    alignment: 4096,
  });
  programHeader(view, ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES, {
    type: PT_NOTE,
    flags: readOnly,
    offset: noteAt,
    address: 0,
    fileSize: NOTE_BYTES,
    memorySize: NOTE_BYTES,
    alignment: 4,
  });

  view.setUint32(noteAt, 4, true);
  view.setUint32(noteAt + 4, 4, true);
  view.setUint32(noteAt + 8, XEN_ELFNOTE_PHYS32_ENTRY, true);
  bytes.set(Buffer.from('Xen\0', 'latin1'), noteAt + 12);
  view.setUint32(noteAt + 16, pvhEntry, true);
  return bytes;
}

interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly alignment: number;
}

function programHeader(view: DataView, at: number, header: ProgramHeader): void {
  view.setUint32(at, header.type, true);
  view.setUint32(at + 4, header.flags, true);
  view.setBigUint64(at + 8, BigInt(header.offset), true);
  view.setBigUint64(at + 16, BigInt(header.address), true);
  view.setBigUint64(at + 24, BigInt(header.address), true);
  view.setBigUint64(at + 32, BigInt(header.fileSize), true);
  view.setBigUint64(at + 40, BigInt(header.memorySize), true);
  view.setBigUint64(at + 48, BigInt(header.alignment), true);
}
