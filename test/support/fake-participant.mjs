// A participant of bench/peers that starts `sleep` instead of a virtual machine. One whose name is `failing` fails every second start.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';

export async function open({ directory, memoryMib }) {
  const failing = basename(directory) === 'failing';
  let starts = 0;
  return {
    about: { product: `fake of ${memoryMib} MiB`, node: process.version },
    async start() {
      starts += 1;
      if (failing && starts % 2 === 1) throw new Error('it does not start today');
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      await once(child, 'spawn');
      return child;
    },
    stages: () => ({ 'spawn of sleep': 1 }),
    exec: async () => undefined,
    stop: end,
    remove: end,
    close: async () => undefined,
  };
}

async function end(child) {
  if (child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
