import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningVm, VmmDisk, VmmHandler } from '@boxlite/core';
import { nativeBinary } from '@boxlite/platform';
import { createLibkrunVmm, findLibkrun, IMPLICIT_DEVICES, MAX_DEVICES, MIN_MEMORY_MIB } from '@boxlite/vmm-libkrun';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../../../test/support/patience.js';
import { createVmParts, hardware, pingAgent, type VmParts } from '../../../test/support/vm-parts.js';
import { kvmAbsence } from './support/kvm-absence.js';

const absence = await kvmAbsence();
const GRACE_MS = 20_000;

describe.skipIf(absence !== undefined)(`a machine in libkrun${absence ?? ''}`, { timeout: patience(180_000) }, () => {
  let parts: VmParts;
  let handler: VmmHandler;
  beforeAll(async () => {
    parts = await createVmParts();
    handler = createLibkrunVmm({ hardware, library: await findLibkrun() });
  });
  afterAll(() => parts[Symbol.asyncDispose]());

  it('starts with the least memory that check accepts, and its agent answers', async () => {
    await using machine = await parts.createMachine(handler, { memoryMib: MIN_MEMORY_MIB });
    const vm = await handler.start(machine.spec, machine.host);
    await pingAgent(await machine.host.supervisor.connect(machine.host.request.controlDir));
    expect((await vm.stop(GRACE_MS)).kind).toBe('Clean');
    await vm.close();
  });

  it('starts with several CPUs and as many devices as check accepts; one more is what libkrun has no room for', async () => {
    const room = (MAX_DEVICES[process.arch] ?? 0) - IMPLICIT_DEVICES;
    await using machine = await parts.createMachine(handler, { vcpus: 2 });
    const extra = join(machine.box.tmpDir, 'extra.raw');
    await writeFile(extra, '');
    await truncate(extra, 1024 * 1024);
    const more: VmmDisk = { path: extra, format: 'raw', readOnly: true };
    const withDevices = (count: number) => ({
      ...machine.spec,
      disks: [...machine.spec.disks, ...Array.from({ length: count - machine.spec.disks.length }, () => more)],
    });
    const vm = await handler.start(withDevices(room), machine.host);
    await pingAgent(await machine.host.supervisor.connect(machine.host.request.controlDir));
    expect((await vm.stop(GRACE_MS)).kind).toBe('Clean');
    await vm.close();

    const { binary, stdin } = handler.command(withDevices(room + 1));
    const refused = spawnSync(binary, [], { input: stdin, env: {}, encoding: 'utf8' });
    expect(refused).toMatchObject({ status: 4, stderr: expect.stringContaining('IrqsExhausted') });
    expect(() => handler.check(withDevices(room + 1))).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });

  it('keeps what the kernel says in the console log: a guest without its init ends with the reason in it', async () => {
    const commandLine = ['root=/dev/vdb', 'ro', 'rootfstype=ext4', 'init=/no/such/init'];
    await using machine = await parts.createMachine(handler, { commandLine });
    const vm = await handler.start(machine.spec, machine.host);
    expect((await vm.wait()).kind).toBe('Panic');
    await vm.close();
    expect(readFileSync(machine.box.consoleLog, 'utf8')).toContain('Kernel panic - not syncing');
  });

  it('is stopped through its agent by SIGTERM to the supervisor, and nothing of it is left', async () => {
    await using machine = await parts.createMachine(handler);
    const vm = await started(machine.spec, machine.host);
    const other = await machine.host.supervisor.connect(machine.host.request.controlDir);
    process.kill(other.welcome.supervisor.pid, 'SIGTERM');
    expect(await vm.wait()).toEqual({ kind: 'Clean', reason: 'shutdown' });
    expect(readFileSync(machine.box.consoleLog, 'utf8')).toContain('shutting down');
    expect(() => process.kill(vm.identity.pid, 0)).toThrow('ESRCH');
    await Promise.all([vm.close(), other.close()]);
  });

  it('that crashes is told as the signal, with where it happened, also as the first process of its pid namespace', async () => {
    await using machine = await parts.createMachine(handler);
    const vm = await started(machine.spec, machine.host);
    process.kill(vm.identity.pid, 'SIGSEGV');
    const record = await vm.wait();
    expect(record).toMatchObject({
      kind: 'Signal',
      signal: 11,
      message: expect.stringContaining('crash: SIGSEGV at address'),
    });
    expect(await machine.readExitRecord()).toEqual(record);
    await vm.close();
  });

  it('sees nothing of the host but its own files, the libraries it loads, its sockets and /dev/kvm', async () => {
    await using machine = await parts.createMachine(handler);
    const vm = await started(machine.spec, machine.host);
    const { box } = machine;
    const mounts = readFileSync(`/proc/${vm.identity.pid}/mountinfo`, 'utf8').trimEnd().split('\n');
    const foreign = mounts
      .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
      .filter((point) => !point.startsWith('/dev/') && !point.startsWith(`${box.dir}/`))
      .filter((point) => !/^\/(usr\/)?lib(64)?\/.*\.so[.\d]*$/.test(point));
    const granted = ['/', '/tmp', '/etc/ld.so.cache', machine.spec.kernel, machine.spec.disks[1]?.path];
    const base = join(parts.layout.diskImagesDir, 'empty.ext4');
    expect(new Set(foreign)).toEqual(
      new Set([...granted, base, nativeBinary('boxlite-stage-b'), nativeBinary('boxlite-landlock')]),
    );
    const own = mounts
      .map((line) => line.split(' ')[4]?.replaceAll('\\040', ' '))
      .filter((point) => point?.startsWith(box.dir));
    for (const hidden of [box.controlDir, box.logsDir, box.pidFile, box.stderrFile, box.dir])
      expect(own).not.toContain(hidden);
    const maps = readFileSync(`/proc/${vm.identity.pid}/maps`, 'utf8');
    expect(maps).toContain(`${box.binDir}/boxlite-krun-shim`);
    expect(maps).toContain(`${box.binDir}/libkrun.so.1`);
    expect(maps).not.toContain('node_modules');
    await end(vm);
  });

  /** A machine whose agent has said hello. */
  async function started(...[spec, host]: Parameters<VmmHandler['start']>): Promise<RunningVm> {
    const vm = await handler.start(spec, host);
    await new Promise<void>((resolve) => vm.channel.onFrame(() => resolve()));
    return vm;
  }

  async function end(vm: RunningVm): Promise<void> {
    await vm.kill();
    await vm.close();
  }
});
