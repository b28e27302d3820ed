import { readdirSync, readFileSync } from 'node:fs';
import { pssMib } from '../../lib/process-memory.mjs';
import { guestRamKib } from './guest-ram.mjs';

/** Every process of this machine, as a map of pid to its parent's. */
export function processes() {
  const found = new Map();
  for (const entry of readdirSync('/proc')) {
    const parent = /^\d+$/.test(entry) ? parentOf(entry) : undefined;
    if (parent !== undefined) found.set(Number(entry), parent);
  }
  return found;
}

/**
 * What the host holds for a box: the proportional set size of every process that came with it, without the RAM its guest has touched, and what
 * the embedding program has grown by.
 * @param options.before the processes there were before the box
 * @param options.embedding pid of the program that started it
 * @param options.embeddingBefore its proportional set size before the box, in MiB
 * @param options.memoryMib RAM of the guest
 * @returns MiB: `total` of all that counts, `guestRam` that does not, `embedding`, and `byName` for each process
 */
export function boxMemoryMib({ before, embedding, embeddingBefore, memoryMib }) {
  const byName = {};
  let total = 0;
  let guestRam = 0;
  for (const pid of newProcesses(before, embedding)) {
    const figures = memoryOf(pid, memoryMib);
    if (figures === undefined) continue;
    byName[figures.name] = (byName[figures.name] ?? 0) + figures.own;
    total += figures.own;
    guestRam += figures.ram;
  }
  const grown = pssMib(embedding) - embeddingBefore;
  return { total: total + grown, guestRam, embedding: grown, byName };
}

/**
 * Those that descend from the embedding program, or that its box left to init: other programs of the machine do neither. A supervisor that was ready before
 * the box, and had no child then, came with it when it has one now.
 */
function newProcesses(before, embedding) {
  const now = processes();
  const parentsBefore = new Set(before.values());
  const parentsNow = new Set(now.values());
  const wasReady = (pid) => before.has(pid) && !parentsBefore.has(pid) && parentsNow.has(pid);
  const cameWithBox = (pid) => !before.has(pid) || wasReady(pid);
  const belongs = (pid) => {
    if (pid === embedding || pid === 1) return true;
    const parent = now.get(pid);
    return parent !== undefined && cameWithBox(pid) && belongs(parent);
  };
  return [...now.keys()].filter((pid) => pid !== embedding && pid !== 1 && cameWithBox(pid) && belongs(pid));
}

function memoryOf(pid, memoryMib) {
  try {
    const ram = guestRamKib(readFileSync(`/proc/${pid}/smaps`, 'utf8'), memoryMib) / 1024;
    return { name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), own: pssMib(pid) - ram, ram };
  } catch {
    return undefined; // It ended meanwhile, or is a thread of the kernel, which has no memory of its own.
  }
}

function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // It ended between the listing and the reading.
  }
}
