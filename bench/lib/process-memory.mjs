import { readdirSync, readFileSync } from 'node:fs';

/** A process and everything below it, as `{ pid, name }`. */
export function processTree(root) {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(entry);
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = [];
  for (const queue = [root]; queue.length > 0; ) {
    const pid = queue.shift();
    found.push({ pid, name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim() });
    queue.push(...(children.get(pid) ?? []));
  }
  return found;
}

/** Proportional set size in MiB: pages shared with other processes count by their share. */
export function pssMib(pid) {
  return mebibytes(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
}

/**
 * The proportional set size of a QEMU by what it is for, in MiB: the guest's RAM (the one anonymous mapping of its size), the translator's
 * code cache (the one that can be written and executed), the guest kernel's file, other files, and the rest.
 */
export function qemuPssMib(pid, memoryMib) {
  const sizes = { guestRam: 0, codeCache: 0, kernelFile: 0, programFiles: 0, heapAndStacks: 0 };
  for (const text of readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const [range, permissions, , , , path = ''] = text.split('\n', 1)[0].split(/\s+/);
    sizes[purposeOf(range, permissions, path, memoryMib)] += mebibytes(text);
  }
  if (sizes.guestRam === 0) throw new Error(`process ${pid} has no mapping of the size of the guest's RAM`);
  return sizes;
}

function purposeOf(range, permissions, path, memoryMib) {
  const [start, end] = range.split('-').map((hex) => BigInt(`0x${hex}`));
  // Of a machine that goes on from a capture: its memory file, mapped private.
  if (path.endsWith('/memory')) return 'guestRam';
  if (path === '' && end - start === BigInt(memoryMib) * 2n ** 20n) return 'guestRam';
  if (permissions === 'rwxp') return 'codeCache';
  if (path.includes('/kernels/')) return 'kernelFile';
  return path.startsWith('/') ? 'programFiles' : 'heapAndStacks';
}

function mebibytes(smaps) {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(smaps)[1]) / 1024;
}

function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // It ended between the listing and the reading.
  }
}
