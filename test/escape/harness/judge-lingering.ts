import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { LayerSet, Outcome } from './job.js';
import { claimOf } from './judge.js';
import type { Ended } from './launch.js';

/** A process that was killed takes a moment to go. */
const LONGEST_MS = 700;
const FIRST_LOOK_MS = 100;
const LOOK_INTERVAL_MS = 20;

/** Whether something is left of a program that was stopped: it has the word on its command line. Ends what is left. */
export async function judgeLingering(layers: LayerSet, attempt: string, word: string, ended: Ended): Promise<Outcome> {
  const last = Date.now() + LONGEST_MS;
  // One that is just forking is seen in neither of its processes.
  await setTimeout(FIRST_LOOK_MS);
  let left = processesWith(word);
  while (left.length > 0 && Date.now() < last) {
    await setTimeout(LOOK_INTERVAL_MS);
    left = processesWith(word);
  }
  for (const pid of left) end(pid);
  const isReady = ended.text.includes('@ linger ready');
  if (left.length > 0) return { layers, attempt, verdict: 'escaped', detail: `${left.length} left after the stop` };
  if (!isReady) return { layers, attempt, ...claimOf(attempt, ended) };
  return { layers, attempt, verdict: 'refused', detail: 'nothing left after the stop' };
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (thrown) {
    // It went by itself after all, later than it may.
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown;
  }
}

function processesWith(word: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => textOf(`/proc/${pid}/cmdline`).includes(word) && !/\) [ZX] /.test(textOf(`/proc/${pid}/stat`)))
    .map(Number);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // Gone between two looks, which is what is waited for.
    return '';
  }
}
