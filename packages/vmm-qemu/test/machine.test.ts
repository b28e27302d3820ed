import { readFile } from 'node:fs/promises';
import type { RunningVm } from '@boxlite/core';
import { createQemuVmm, MIN_MEMORY_MIB } from '@boxlite/vmm-qemu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVmParts, hardware, pingAgent, type VmParts } from '../../../test/support/vm-parts.js';

const handler = createQemuVmm({ hardware, accelerator: 'tcg' });
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

  it('is told to quit when its agent does not stop it within the grace, so that its disks are flushed', async () => {
    const commandLine = ['root=/dev/vdb', 'ro', 'rootfstype=ext4', 'init=/no/such/init', 'panic=0'];
    await using machine = await parts.createMachine(handler, { commandLine });
    const vm = await handler.start(machine.spec, machine.host);
    const record = await vm.stop(1_000);
    expect(record.kind).not.toBe('Signal');
    await vm.close();
  });
});
