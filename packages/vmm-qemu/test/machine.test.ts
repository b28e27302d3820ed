import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RunningVm } from '@boxlite/core';
import { createQemuVmm, MIN_MEMORY_MIB } from '@boxlite/vmm-qemu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVmParts, hardware, pingAgent, type VmParts } from '../../../test/support/vm-parts.js';

const handler = createQemuVmm({ hardware, accelerator: 'tcg' });
/** Long enough for a busy host to tell 80 % of it from the whole, in milliseconds. */
const DEAF_GRACE_MS = 5_000;

let parts: VmParts;
beforeAll(async () => {
  parts = await createVmParts();
});
afterAll(() => parts[Symbol.asyncDispose]());

/** Resolves when the guest's console, which is the VMM's stdout, has shown a text. */
async function stopAndReadConsole(vm: RunningVm, consoleLog: string): Promise<string> {
  await vm.stop(10_000);
  await vm.close();
  return readFile(consoleLog, 'utf8');
}

describe('a machine in QEMU', () => {
  it('starts with the least memory that check accepts, and its agent answers', async () => {
    await using machine = await parts.createMachine(handler, { memoryMib: MIN_MEMORY_MIB });
    const vm = await handler.start(machine.spec, machine.host);
    await pingAgent(await machine.host.supervisor.connect(machine.host.request.controlDir));
    expect((await vm.stop(10_000)).kind).toBe('Clean');
    await vm.close();
  });

  it('that is not built in the time it is given is ended, and start throws timeout', async () => {
    const impatient = createQemuVmm({ hardware, accelerator: 'tcg', machineTimeoutMs: 1 });
    await using machine = await parts.createMachine(impatient);
    await expect(impatient.start(machine.spec, machine.host)).rejects.toMatchObject({ code: 'timeout' });
    await expect(machine.host.supervisor.connect(machine.host.request.controlDir)).rejects.toMatchObject({
      code: 'agent_unavailable',
    });
  });

  it('starts with several CPUs', async () => {
    await using machine = await parts.createMachine(handler, { vcpus: 2 });
    const vm = await handler.start(machine.spec, machine.host);
    await pingAgent(await machine.host.supervisor.connect(machine.host.request.controlDir));
    expect((await vm.stop(10_000)).kind).toBe('Clean');
    await vm.close();
  });

  it('keeps what the kernel says in the console log: a guest without its init ends with the reason in it', async () => {
    const commandLine = ['root=/dev/vdb', 'ro', 'rootfstype=ext4', 'init=/no/such/init'];
    await using machine = await parts.createMachine(handler, { commandLine });
    const vm = await handler.start(machine.spec, machine.host);
    const record = await vm.wait();
    const text = await stopAndReadConsole(vm, machine.box.consoleLog);
    expect(text).toContain('Kernel panic - not syncing');
    expect(record.kind).toBe('Panic');
  });

  it('is told to quit before the grace is over when its agent does not stop it, so that its disks are flushed', async () => {
    const rootfs = await deafRootfs(parts.layout.tmpDir);
    await using machine = await parts.createMachine(handler, {
      commandLine: ['root=/dev/vda', 'ro', 'rootfstype=ext4', 'init=/init'],
      disks: [{ path: rootfs, format: 'raw', readOnly: true }],
    });
    const vm = await handler.start(machine.spec, machine.host);
    await new Promise<void>((resolve) => vm.channel.onFrame(() => resolve()));
    const start = performance.now();
    const record = await vm.stop(DEAF_GRACE_MS);
    const elapsed = performance.now() - start;
    expect(record.kind).toBe('Clean');
    expect(elapsed).toBeGreaterThan(DEAF_GRACE_MS / 2);
    expect(elapsed).toBeLessThan(DEAF_GRACE_MS);
    await vm.close();
  });
});

/** A guest that says hello and then listens to nothing. */
async function deafRootfs(directory: string): Promise<string> {
  const root = join(directory, 'deaf');
  for (const name of ['bin', 'dev']) await mkdir(join(root, name), { recursive: true });
  await copyFile('/bin/busybox', join(root, 'bin/busybox'));
  // A frame of type HELLO with one byte of payload, see core's wire/frame.ts.
  const hello = String.raw`\1\0\0\0\0\0\0\0\1\0\0\0x`;
  // Not every kernel mounts it by itself.
  const devices = '/bin/busybox mount -t devtmpfs dev /dev';
  const script = `#!/bin/busybox sh\n${devices}\nexec 3<>$(echo /dev/vport*p1)\nprintf '${hello}' >&3\nexec /bin/busybox sleep 1000\n`;
  await writeFile(join(root, 'init'), script, { mode: 0o755 });
  const image = join(directory, 'deaf.ext4');
  await promisify(execFile)('mkfs.ext4', ['-q', '-d', root, image, '8M']);
  return image;
}
