// The floors: libkrun with the product's kernel and disks and nothing around it, see native/bare-krun.c.
//
// `settings.init` says who is init in the guest: `agent` (the product's agent; a start is from spawn to its first byte, and there is no exec) or `probe`
// (exec-probe of guest-agent, which does by itself what an exec needs at least; a start is from spawn until its first command has run).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { buildProbeDisk } from '../../lib/probe-disk.mjs';
import { withWarmHome } from '../../lib/warm-home.mjs';

/** fork, setns into five namespaces, fork, exec: the textbook way. */
const PROBE_REQUEST = 'n';
const PROBE_QUIT = 'q';

export async function open({ directory, memoryMib, init, program, library }) {
  await mkdir(directory, { recursive: true });
  const home = await openHome(directory);
  const rootfsDisk = init === 'probe' ? await buildProbeDisk(join(directory, 'probe.ext4')) : home.parts.rootfsDisk;
  let number = 0;

  const start = async () => {
    number += 1;
    const machine = await home.parts.prepareMachine(join(directory, `${number}`));
    const server = createServer();
    await once(server.listen(join(machine.directory, 'agent.sock')), 'listening');
    const begun = performance.now();
    const output = openSync(join(machine.directory, 'output.log'), 'w', 0o600);
    const child = spawn(
      program,
      [
        ...[library, home.parts.kernel, machine.containerDisk, rootfsDisk],
        ...[join(machine.directory, 'agent.sock'), join(machine.directory, 'console.log'), `${memoryMib}`],
      ],
      { stdio: ['ignore', output, output] },
    );
    const exited = once(child, 'exit');
    const early = exited.then(([status, signal]) => {
      throw new Error(`bare-krun ended: ${signal ?? `status ${status}`}; see ${machine.directory}`);
    });
    early.catch(() => undefined); // It ends in the end; only whoever waits for more is told.
    const [link] = await Promise.race([once(server, 'connection'), early]);
    server.close();
    link.on('error', () => link.destroy());
    const connected = performance.now();
    await Promise.race([once(link, 'data'), early]);
    const box = { child, exited, early, link, directory: machine.directory, stages: {} };
    const hello = performance.now();
    if (init === 'probe') await ask(box);
    box.stages = { 'until connected': connected - begun, 'until hello': hello - begun };
    return box;
  };
  const remove = async ({ child, exited, link, directory: machine }) => {
    child.kill('SIGKILL');
    await exited;
    link.destroy();
    await rm(machine, { recursive: true });
  };
  const product = {
    about: { product: `bare libkrun, ${init}`, node: process.version },
    start,
    stages: ({ stages }) => stages,
    exec: ask,
    async stop({ link, exited, child }) {
      if (init === 'probe') link.write(PROBE_QUIT);
      else child.kill('SIGKILL');
      await exited;
    },
    remove,
    close: () => home.close(),
  };
  const warmUp = await start();
  await remove(warmUp);
  return product;
}

async function ask({ link, early }) {
  link.write(PROBE_REQUEST);
  await Promise.race([once(link, 'data'), early]);
}

/** The files of the product, in a home that stays open until `close`. */
async function openHome(directory) {
  let close;
  const closing = new Promise((resolve) => {
    close = resolve;
  });
  let ended;
  const parts = await new Promise((resolve, reject) => {
    ended = withWarmHome(directory, async (home) => {
      resolve(home.parts);
      await closing;
    });
    ended.catch(reject);
  });
  return {
    parts,
    async close() {
      close();
      await ended;
    },
  };
}
