import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

/**
 * A libkrun with nothing around it (peers/native/bare-krun.c); its agent socket is served by this process.
 * @param options.program the built bare-krun
 * @param options.library path of `libkrun.so.1`
 * @returns as `startBareQemu`
 */
export async function startBareKrun({ directory, kernel, containerDisk, rootfsDisk, memoryMib, program, library }) {
  const agentSocket = join(directory, 'agent.sock');
  const server = createServer().listen(agentSocket);
  await once(server, 'listening');
  const spawnedAt = performance.now();
  const output = openSync(join(directory, 'output.log'), 'w', 0o600);
  const args = [
    library,
    kernel,
    containerDisk,
    rootfsDisk,
    agentSocket,
    join(directory, 'console.log'),
    `${memoryMib}`,
  ];
  const krun = spawn(program, args, { stdio: ['ignore', output, output] });
  const exited = once(krun, 'exit');
  const early = exited.then(([status, signal]) => {
    throw new Error(`bare-krun ended: ${signal ?? `status ${status}`}; see ${directory}`);
  });
  early.catch(() => undefined); // It ends in the end; only whoever waits for more is told.
  const [link] = await Promise.race([once(server, 'connection'), early]);
  server.close();
  link.on('error', () => link.destroy());
  const firstByte = once(link, 'data').then(([bytes]) => ({ at: performance.now(), bytes }));
  return {
    pid: krun.pid,
    spawnedAt,
    link,
    firstByte: Promise.race([firstByte, early]),
    async end() {
      krun.kill('SIGKILL');
      await exited;
      link.destroy();
    },
  };
}
