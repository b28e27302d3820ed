import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dialSocket } from './dial-socket.js';
import { QmpClient } from './qmp-client.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-dial-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** A process that listens and is stopped before it accepts anybody: the kernel connects whoever dials. */
async function stoppedListener(path: string) {
  const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  return child;
}

const openFiles = () =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // The descriptor of the listing itself.
    }
  });

describe('dialling a monitor that dies before it accepts', () => {
  it('hands the socket over in the turn it is connected, so that the reset is heard', async () => {
    const path = join(directory, 'qmp.sock');
    const listener = await stoppedListener(path);
    const end = await dialSocket(path, 5000, undefined, (socket) => {
      // Closing the directory takes a turn of the thread pool: it is still open, so nothing was waited for.
      expect(openFiles()).toContain(directory);
      const ended = new Promise<string>((resolve) => {
        socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(String(code)));
        socket.once('close', () => resolve('closed'));
      });
      socket.resume();
      listener.kill('SIGKILL');
      return { ended };
    });
    expect(await end.ended).toMatch(/^(closed|ECONNRESET)$/);
  });

  it('is vmm_failed, at once and not after a time-out', async () => {
    const path = join(directory, 'qmp.sock');
    const listener = await stoppedListener(path);
    const connecting = QmpClient.connect(path, { timeoutMs: 60_000 });
    setImmediate(() => listener.kill('SIGKILL'));
    await expect(connecting).rejects.toMatchObject({ code: 'vmm_failed' });
  });
});
