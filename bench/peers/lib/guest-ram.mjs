/** Mappings of a VMM that are smaller are never RAM of a guest: heaps of threads begin with less. */
const LEAST_RAM_KIB = 8 * 1024;

/**
 * How much of a VMM's memory is RAM that its guest has touched, in KiB of proportional set size, by what `/proc/<pid>/smaps` says:
 * - libkrun maps RAM anonymously, readable and writable, without reserving swap (`nr`), below and above the kernel;
 * - the kernel inside libkrunfw becomes RAM of the guest where it is, as a private writable mapping of that file;
 * - QEMU maps RAM as one area of exactly its size: anonymous, or the memory of a template, where a page counts for as many as have it.
 * @param smaps text of the file
 * @param memoryMib the guest's RAM
 */
export function guestRamKib(smaps, memoryMib) {
  return smaps
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .filter((mapping) => isGuestRam(mapping, memoryMib))
    .reduce((sum, mapping) => sum + kibOf(mapping, 'Pss'), 0);
}

function isGuestRam(mapping, memoryMib) {
  const [, permissions, , , , ...path] = mapping.split('\n', 1)[0].split(/\s+/);
  if (!permissions.startsWith('rw')) return false;
  const file = path.join(' ');
  const size = kibOf(mapping, 'Size');
  if (file.includes('/libkrunfw.so') || size === memoryMib * 1024) return true;
  return file === '' && size >= LEAST_RAM_KIB && flagsOf(mapping).includes('nr');
}

function kibOf(mapping, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(mapping)?.[1] ?? 0);
}

function flagsOf(mapping) {
  return /^VmFlags:(.*)$/m.exec(mapping)?.[1].trim().split(' ') ?? [];
}
