import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { builtPackage } from './packages.mjs';

/**
 * A QEMU with nothing around it: no supervisor, no jail; its agent socket is served by this process. The arguments are those vmm-qemu makes,
 * but for the monitor, whose listening socket QEMU makes itself because nobody is there to inherit it from.
 * @param options.directory an empty one for sockets and console
 * @returns `spawnedAt` by the clock of `performance.now()`, `link` to the init program, `firstByte` with the time it came, and `end`
 */
export async function startBareQemu({ directory, kernel, containerDisk, rootfsDisk, memoryMib }) {
  const agentSocket = join(directory, 'agent.sock');
  const { binary, args } = await commandOf({
    boxId: 'bare',
    vcpus: 1,
    memoryMib,
    kernel,
    commandLine: ['root=/dev/vdb', 'ro', 'rootfstype=ext4', 'init=/boxlite/bin/boxlite-guest'],
    disks: [
      { path: containerDisk, format: 'qcow2', readOnly: false },
      { path: rootfsDisk, format: 'raw', readOnly: true },
    ],
    shares: [],
    nics: [],
    agentSocket,
  });
  const monitored = args.map((arg) =>
    arg.startsWith('socket,id=qmp,') ? `socket,id=qmp,path=${join(directory, 'qmp.sock')},server=on,wait=off` : arg,
  );
  const server = createServer().listen(agentSocket);
  await once(server, 'listening');
  const spawnedAt = performance.now();
  const output = openSync(join(directory, 'console.log'), 'w', 0o600);
  const qemu = spawn(binary, monitored, { stdio: ['ignore', output, output] });
  const exited = once(qemu, 'exit');
  const [link] = await Promise.race([once(server, 'connection'), exited.then(endedEarly)]);
  server.close();
  link.on('error', () => link.destroy());
  const firstByte = once(link, 'data').then(([bytes]) => ({ at: performance.now(), bytes }));
  return {
    pid: qemu.pid,
    spawnedAt,
    link,
    firstByte: Promise.race([firstByte, exited.then(endedEarly)]),
    async end() {
      qemu.kill('SIGKILL');
      await exited;
      link.destroy();
    },
  };
}

let vmm;
async function commandOf(spec) {
  if (vmm === undefined) {
    const [{ createQemuVmm }, { createKvmProbe }] = await Promise.all([
      builtPackage('vmm-qemu'),
      builtPackage('kvm-probe'),
    ]);
    vmm = createQemuVmm({ hardware: createKvmProbe() });
    await vmm.requirements(spec); // decides the accelerator, as the product does
  }
  return vmm.command(spec);
}

function endedEarly([status]) {
  throw new Error(`the bare QEMU ended with status ${status}; its output is in console.log`);
}
