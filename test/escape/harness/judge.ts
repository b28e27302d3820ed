import { setTimeout } from 'node:timers/promises';
import type { LayerSet, Outcome, Verdict } from './job.js';
import type { Ended } from './launch.js';
import { type Outside, witnessOf } from './witnesses.js';

/** Longest wait for what the kernel has taken already to reach this process: a connection, a datagram. */
const ARRIVAL_MS = 400;
const LOOK_INTERVAL_MS = 10;

/** What one run of the hostile program says of an attempt. */
export function claimOf(attempt: string, { text, ended }: Ended): { verdict: Verdict; detail: string } {
  const found = new RegExp(`^@ ${attempt} (escaped|refused|impossible|unknown) ?(.*)$`, 'm').exec(text);
  if (found !== null && found[1] !== 'unknown') {
    return { verdict: found[1] as Verdict, detail: found[2] ?? '' };
  }
  // The loader became the process, and says itself why it does not run the program.
  const loader = /: (error while loading shared libraries|cannot execute|failed to map)[^\n]*/.exec(text)?.[0];
  if (attempt === 'execute-written-by-loader' && ended !== 'status 0') {
    return { verdict: 'refused', detail: loader ?? ended };
  }
  if (ended.startsWith('signal') || ended === 'status 159') return { verdict: 'refused', detail: killedBy(ended) };
  throw new Error(`${attempt}: no verdict, ${ended}: ${text.slice(-600)}`);
}

/** A shell and bubblewrap tell a signal as 128 and its number. */
function killedBy(ended: string): string {
  return ended === 'signal 31' || ended === 'status 159' ? 'killed by the system call filter' : ended;
}

/** Compares what the program says with what is seen outside. */
export async function judge(layers: LayerSet, attempt: string, ended: Ended, outside: Outside): Promise<Outcome> {
  const { verdict, detail } = claimOf(attempt, ended);
  const witness = witnessOf(attempt);
  if (witness === undefined) return { layers, attempt, verdict, detail };
  const end = Date.now() + (verdict === 'escaped' ? ARRIVAL_MS : 0);
  let seen = await witness(outside, detail, ended);
  while (!seen && Date.now() < end) {
    await setTimeout(LOOK_INTERVAL_MS);
    seen = await witness(outside, detail, ended);
  }
  if (seen && verdict !== 'escaped') {
    return {
      layers,
      attempt,
      verdict: 'escaped',
      detail: 'seen outside',
      contradiction: `it says ${verdict} ${detail}`,
    };
  }
  // It may have changed or reached something of its own view, which is nobody else's.
  if (!seen && verdict === 'escaped')
    return { layers, attempt, verdict: 'refused', detail: 'only within its own view' };
  return { layers, attempt, verdict, detail: seen && /secret-/.test(detail) ? 'the secret' : detail };
}
