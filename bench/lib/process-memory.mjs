import { readdirSync, readFileSync } from 'node:fs';

const KIB_TO_MIB = 1 / 1024;

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

/** Proportional set size in MiB: pages shared with others count by their share. */
export function pssMib(pid) {
  return kib(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'), 'Pss') * KIB_TO_MIB;
}

/** The share of a VMM that is memory of its guest, in MiB: the one anonymous mapping as large as the guest's RAM. */
export function guestRamPssMib(pid, memoryMib) {
  const mappings = readFileSync(`/proc/${pid}/smaps`, 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const isGuestRam = (text) => {
    const [range] = text.split(' ', 1);
    const [start, end] = range.split('-').map((hex) => BigInt(`0x${hex}`));
    return end - start === BigInt(memoryMib) * 2n ** 20n;
  };
  const ram = mappings.filter(isGuestRam);
  if (ram.length !== 1) throw new Error(`process ${pid} has ${ram.length} mappings of the size of the guest's RAM`);
  return kib(ram[0], 'Pss') * KIB_TO_MIB;
}

function kib(text, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)[1]);
}

function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // It ended between the listing and the reading.
  }
}
