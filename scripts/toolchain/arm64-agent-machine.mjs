import { readFileSync, writeFileSync } from 'node:fs';
import { ARM64_EMULATOR, arm64MachineArguments, arm64MachineFiles } from './arm64-machine.mjs';
import { cpioArchive } from './cpio-archive.mjs';

/** Debian's kernel has its virtio drivers as modules: they are loaded before the agent becomes the init. */
const INIT = `#!/bin/busybox sh
for module in $(/bin/busybox cat /modules); do /bin/busybox insmod /$module; done
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t ext4 -o ro /dev/vdb /root || /bin/busybox poweroff -f
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /boxlite/bin/boxlite-guest
`;

/**
 * An arm64 machine that the agent is the init of: for `machine` of test/support/boot-agent.ts.
 * @param {string} initrd where its first root file system is written
 */
export function arm64AgentMachine(initrd) {
  const { kernel, busybox, modules } = arm64MachineFiles();
  const names = modules.map(({ path }) => path).join('\n');
  writeFileSync(
    initrd,
    cpioArchive([
      ...['bin', 'dev', 'root'].map((path) => ({ path })),
      { path: 'init', content: INIT },
      { path: 'bin/busybox', content: readFileSync(busybox) },
      { path: 'modules', content: names },
      ...modules,
    ]),
  );
  return ({ rootfs, disk, agentSocket, consoleFile }) => ({
    program: ARM64_EMULATOR,
    args: [
      ...arm64MachineArguments({ kernel, initrd, console: `file:${consoleFile}` }),
      ...['-object', 'rng-random,id=rng,filename=/dev/urandom', '-device', 'virtio-rng-pci,rng=rng'],
      ...['-drive', `id=vda,file=${disk},format=raw,if=none`, '-device', 'virtio-blk-pci,drive=vda'],
      ...['-drive', `id=vdb,file=${rootfs},format=raw,if=none,readonly=on`, '-device', 'virtio-blk-pci,drive=vdb'],
      ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=agent,path=${agentSocket}`],
      ...['-device', 'virtserialport,chardev=agent,name=agent'],
    ],
  });
}
