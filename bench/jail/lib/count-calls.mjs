import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * How many system calls a process makes, all its threads, while an action runs. Tracing slows them down: nothing else is measured meanwhile.
 * @returns undefined where there is no strace
 */
export async function countCalls(pid, action) {
  const strace = spawn('strace', ['-f', '-c', '-p', String(pid)], {
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
  // "100.00 <seconds> <microseconds a call> <calls> [<errors>] total"
  return Number(/^\s*100\.00\s+\S+\s+(?:\d+\s+)?(\d+)(?:\s+\d+)? total$/m.exec(text)?.[1]);
}
