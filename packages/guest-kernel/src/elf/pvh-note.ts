import { viewOf } from './elf-header.js';

/** XEN_ELFNOTE_PHYS32_ENTRY: the 32-bit physical entry of the PVH boot protocol (Xen, elfnote.h). */
export const XEN_ELFNOTE_PHYS32_ENTRY = 18;
const NAME = Buffer.from('Xen\0', 'latin1');
const NOTE_HEADER_BYTES = 12;

/**
 * The PVH entry in the contents of a PT_NOTE segment.
 * @returns a physical address, or undefined when there is no such note
 */
export function pvhEntryOfNotes(notes: Uint8Array): number | undefined {
  const view = viewOf(notes);
  let at = 0;
  while (at + NOTE_HEADER_BYTES <= notes.length) {
    const nameSize = view.getUint32(at, true);
    const valueSize = view.getUint32(at + 4, true);
    const valueAt = at + NOTE_HEADER_BYTES + align4(nameSize);
    const end = valueAt + align4(valueSize);
    if (valueAt + valueSize > notes.length) return undefined;
    const entry = readNote(notes, at);
    if (entry !== undefined) return entry;
    at = end;
  }
  return undefined;
}

/**
 * The PVH entry in a raw kernel image, which has no headers that lead to its notes.
 * @param image the kernel as loaded
 * @param isPlausible accepts a physical address inside the loaded kernel; bytes that only look like a note are passed over
 */
export function pvhEntryOfImage(image: Uint8Array, isPlausible: (entry: number) => boolean): number | undefined {
  const haystack = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  for (let found = haystack.indexOf(NAME); found !== -1; found = haystack.indexOf(NAME, found + 1)) {
    if (found < NOTE_HEADER_BYTES) continue;
    const entry = readNote(image, found - NOTE_HEADER_BYTES);
    if (entry !== undefined && isPlausible(entry)) return entry;
  }
  return undefined;
}

function readNote(bytes: Uint8Array, at: number): number | undefined {
  const view = viewOf(bytes);
  const valueSize = view.getUint32(at + 4, true);
  const valueAt = at + NOTE_HEADER_BYTES + NAME.length;
  const matches =
    view.getUint32(at, true) === NAME.length &&
    (valueSize === 4 || valueSize === 8) &&
    view.getUint32(at + 8, true) === XEN_ELFNOTE_PHYS32_ENTRY &&
    valueAt + valueSize <= bytes.length &&
    NAME.equals(bytes.subarray(at + NOTE_HEADER_BYTES, valueAt));
  if (!matches) return undefined;
  // A 64-bit value holds a 32-bit address: the upper half must be zero.
  if (valueSize === 8 && view.getUint32(valueAt + 4, true) !== 0) return undefined;
  return view.getUint32(valueAt, true);
}

function align4(size: number): number {
  return Math.ceil(size / 4) * 4;
}
