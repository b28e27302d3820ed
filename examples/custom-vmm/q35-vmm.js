import { existsSync, realpathSync } from 'node:fs';
import { connect } from 'node:net';
import { BoxliteError } from '@boxlite/core';
import { checkFiles, checkSpec } from './check-spec.js';

/** QEMU's monitor inherits its socket here; numbers below 10 are the supervisor's. */
const MONITOR_FD = 10;
/** The size of the translator's cache; QEMU's default of up to 1 GiB would outgrow every memory limit. */
const CACHE_MIB = 64;

/** A PC with PCI Express, translated by QEMU. It is stateless: one handler serves every box of a process. */
export class Q35Vmm {
  id = 'q35';
  /** Its devices are on PCI, which the kernel of BoxLite does not know. */
  kernelSource = 'distribution';
  check = checkSpec;

  async requirements() {
    const files = ['qemu', 'firmware', 'translator'].map(findFile).filter((path) => path !== undefined);
    return { paths: files.map((path) => ({ path, writable: false })), devices: [] };
  }

  command(spec) {
    const listeners = [{ name: 'qmp', fd: MONITOR_FD }];
    return { binary: findFile('qemu'), args: qemuArguments(spec), env: {}, listeners };
  }

  memoryOverheadMib({ vcpus }) {
    return 64 + 4 * vcpus + CACHE_MIB;
  }

  async start(spec, host, signal) {
    checkSpec(spec);
    await checkFiles(spec);
    if (signal?.aborted) throw aborted(spec, signal);
    const monitor = host.listenerPath('qmp');
    const listeners = [{ fd: MONITOR_FD, path: monitor }];
    await host.jail.prepare();
    let vm;
    try {
      const command = host.jail.command(this.command(spec));
      vm = await host.supervisor.launch({ ...host.request, command, listeners }, signal);
      await machineBuilt(vm, spec, monitor, signal);
      return this.attach(vm);
    } catch (thrown) {
      await vm?.kill();
      await vm?.close();
      await host.jail.release();
      throw thrown;
    }
  }

  attach(vm) {
    return {
      identity: vm.welcome.vmm,
      channel: vm.channel,
      wait: () => vm.wait(),
      stop: (graceMs) => vm.stop(graceMs),
      kill: () => vm.kill(),
      close: () => vm.close(),
      [Symbol.asyncDispose]: () => vm.close(),
    };
  }
}

/** QEMU's arguments, its name excluded. Paths are JSON, or have their commas doubled: none can become another option. */
function qemuArguments({ boxId, vcpus, memoryMib, kernel, initrd, commandLine, disks, agentSocket }) {
  const escaped = (text) => text.replaceAll(',', ',,');
  return [
    ...['-name', `guest=${escaped(boxId)}`, '-no-user-config', '-nodefaults', '-no-reboot', '-display', 'none'],
    ...['-machine', 'q35', '-bios', findFile('firmware'), '-accel', `tcg,tb-size=${CACHE_MIB}`],
    ...['-cpu', 'Nehalem', '-smp', String(vcpus), '-m', `${memoryMib}M`],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-kernel', kernel, ...(initrd === undefined ? [] : ['-initrd', initrd])],
    ...['-append', ['console=hvc0', 'reboot=t', 'panic=-1', 'quiet', 'mitigations=off', ...commandLine].join(' ')],
    ...['-object', 'rng-builtin,id=rng', '-device', 'virtio-rng-pci,rng=rng'],
    ...disks.flatMap(({ path, format, readOnly }, index) => {
      const access = { 'read-only': readOnly, discard: 'unmap' };
      const file = { driver: 'file', filename: path, ...access };
      const block = { driver: format, 'node-name': `disk${index}`, ...access, file };
      return ['-blockdev', JSON.stringify(block), '-device', `virtio-blk-pci,drive=disk${index}`];
    }),
    ...['-device', 'virtio-serial-pci', '-chardev', 'stdio,id=console,signal=off'],
    ...['-device', 'virtconsole,chardev=console', '-chardev', `socket,id=agent,path=${escaped(agentSocket)}`],
    ...['-device', 'virtserialport,chardev=agent,name=agent'],
    ...['-chardev', `socket,id=qmp,fd=${MONITOR_FD},server=on,wait=off`, '-mon', 'chardev=qmp,mode=control'],
  ];
}

/** Resolves when QEMU has opened its files and built the machine: its monitor greets. @throws when it ends instead */
async function machineBuilt(vm, spec, monitor, signal) {
  const socket = connect(monitor);
  const outcome = await new Promise((resolve) => {
    socket.once('data', () => resolve('built')).once('close', () => resolve('ended'));
    socket.once('error', () => resolve('ended')); // QEMU is gone, or going.
    signal?.addEventListener('abort', () => resolve('aborted'), { once: true });
    if (signal?.aborted) resolve('aborted');
  });
  socket.destroy();
  if (outcome === 'aborted') throw aborted(spec, signal);
  if (outcome === 'ended') throw notStarted(spec, await vm.wait());
}

function notStarted({ boxId }, exit) {
  const said = exit.stderrTail?.trim() || exit.message || 'it ended at once';
  const hint = 'correct what QEMU names; its whole output is in shim.stderr of the box';
  return new BoxliteError('vmm_failed', `q35 did not start box ${boxId}: ${said}`, { hint, details: { exit } });
}

function aborted({ boxId }, { reason }) {
  return new BoxliteError('aborted', `starting box ${boxId}: aborted`, { cause: reason });
}

/** Where distributions put QEMU's files; the translator may be built in. */
const PLACES = {
  qemu: ['/usr/bin/qemu-system-x86_64', '/usr/local/bin/qemu-system-x86_64'],
  firmware: ['/usr/share/qemu/qboot.rom', '/usr/share/qemu-firmware/qboot.rom', '/usr/local/share/qemu/qboot.rom'],
  translator: ['x86_64-linux-gnu/', '', '../lib64/'].map((dir) => `/usr/lib/${dir}qemu/accel-tcg-x86_64.so`),
};

/** Links resolved: the jail grants files, not links. @param {keyof typeof PLACES} what */
export function findFile(what) {
  const found = PLACES[what].find((path) => existsSync(path));
  if (found !== undefined) return realpathSync.native(found);
  if (what === 'translator') return undefined;
  const hint = 'install QEMU (Debian, Ubuntu: apt install qemu-system-x86)';
  throw new BoxliteError('vmm_unavailable', `QEMU's ${what} is in none of ${PLACES[what].join(', ')}`, { hint });
}
