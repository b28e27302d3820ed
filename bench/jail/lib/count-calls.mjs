import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * How many system calls a process makes, all its threads, while an action runs. Tracing slows them down: nothing else is measured meanwhile.
 * @returns undefined where there is no strace
 */
export async function countCalls(pid, action) {
  const strace = spawn('strace', ['-f', '-c', '-U', 'calls', '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  strace.stderr.on('data', (chunk) => (text += chunk));
  const closed = new Promise((resolve) => strace.once('close', resolve));
  const isThere = await Promise.race([
    once(strace.stderr, 'data').then(() => true), // "attached"
    once(strace, 'error').then(() => false),
  ]).catch(() => false);
  await action();
  if (!isThere) return undefined;
  strace.kill('SIGINT');
  await closed;
  const counts = text.match(/^\s*\d+\s*$/gm) ?? [];
  // The last line is the sum.
  return Number(counts.at(-1));
}
