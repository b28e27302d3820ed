import { bytesAtAddress, dynamicSymbols } from '../elf/dynamic-symbols.js';
import { parseElfHeader, parseSegments } from '../elf/elf-header.js';
import type { RawKernel } from '../elf/pvh-elf.js';
import { pvhEntryOfImage } from '../elf/pvh-note.js';
import { kernelInvalid } from '../kernel-invalid.js';
import { decodeKernelGetter } from './kernel-getter-code.js';

const PAGE_BYTES = 4096;
/** krunfw_get_kernel is some 60 bytes of code; a longer function is another one. */
const MAX_GETTER_BYTES = 512;

/** The kernel inside a libkrunfw, with its bytes (a view of the library's). */
export interface KrunfwKernel extends RawKernel {
  readonly image: Uint8Array;
}

/**
 * Takes the kernel out of `libkrunfw.so.5` by reading the file: nothing is loaded into this process.
 * @param library the whole library
 * @throws BoxliteError `kernel_unavailable`, `details.field` naming the part that is not as it should be
 */
export function readKrunfwKernel(library: Uint8Array): KrunfwKernel {
  const header = parseElfHeader(library);
  const segments = parseSegments(library, header, library.length);
  const symbols = dynamicSymbols(library, header);
  const getter = symbols.get('krunfw_get_kernel');
  const bundle = symbols.get('KERNEL_BUNDLE');
  if (getter === undefined || bundle === undefined) {
    throw kernelInvalid('dynsym', 'does not export krunfw_get_kernel and KERNEL_BUNDLE');
  }
  if (getter.size > MAX_GETTER_BYTES) {
    throw kernelInvalid('krunfw_get_kernel', 'has a krunfw_get_kernel of an unknown form');
  }
  const { loadAddress, entry, size } = decodeKernelGetter(
    bytesAtAddress(library, segments, getter.address, getter.size, 'krunfw_get_kernel'),
  );
  const isWithin = (address: number) => address >= loadAddress && address < loadAddress + size;
  if (size === 0 || size > bundle.size || loadAddress % PAGE_BYTES !== 0 || !isWithin(entry)) {
    throw kernelInvalid('krunfw_get_kernel', 'describes a kernel that does not fit its data');
  }
  const image = bytesAtAddress(library, segments, bundle.address, size, 'KERNEL_BUNDLE');
  const pvhEntry = pvhEntryOfImage(image, isWithin);
  if (pvhEntry === undefined) throw kernelInvalid('pvh_note', 'holds a kernel without a PVH entry (CONFIG_PVH)');
  return { loadAddress, entry, pvhEntry, imageBytes: size, image };
}
