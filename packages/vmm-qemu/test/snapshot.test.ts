import { watch } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VmmSnapshot } from '@boxlite/core';
import { createQemuVmm } from '@boxlite/vmm-qemu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVmParts, hardware, pingAgent, type VmParts } from '../../../test/support/vm-parts.js';

const handler = createQemuVmm({ hardware });
const MIB = 1024 * 1024;

let parts: VmParts;
beforeAll(async () => {
  parts = await createVmParts();
});
afterAll(() => parts[Symbol.asyncDispose]());

type Machine = Awaited<ReturnType<VmParts['createMachine']>>;

async function place({ box }: Machine): Promise<VmmSnapshot & { readonly directory: string }> {
  const directory = join(box.snapshotsDir, 'first');
  await mkdir(directory, { recursive: true });
  return { directory, memory: join(directory, 'memory'), state: join(directory, 'state') };
}

async function ping({ host }: Machine): Promise<void> {
  await pingAgent(await host.supervisor.connect(host.request.controlDir));
}

async function running(machine: Machine) {
  const vm = await handler.start(machine.spec, machine.host);
  await ping(machine);
  if (vm.fork === undefined || handler.restore === undefined) throw new TypeError('QEMU can do both');
  return { vm, fork: vm.fork, restore: handler.restore };
}

describe('snapshots of machines in QEMU', () => {
  it('take the room of the memory in use, also with 2 GiB, and several machines go on from one at once', async () => {
    await using machine = await parts.createMachine(handler, { memoryMib: 2048 });
    const { vm, fork, restore } = await running(machine);
    const { memory, state } = await place(machine);
    const from = { memory, state };
    await fork(from);
    const { size, blocks, mode } = await stat(from.memory);
    expect(size).toBe(2048 * MIB);
    expect(blocks * 512).toBeLessThan(256 * MIB);
    expect(mode & 0o777).toBe(0o600);
    expect((await stat(from.state)).size).toBeLessThan(MIB);
    await vm.kill();
    await vm.close();
    await using first = await parts.createMachine(handler, { memoryMib: 2048, from });
    await using second = await parts.createMachine(handler, { memoryMib: 2048, from });
    const children = await Promise.all([first, second].map(({ spec, host }) => restore(spec, host)));
    for (const child of [first, second]) await ping(child);
    for (const child of children) {
      expect((await child.stop(10_000)).kind).toBe('Clean');
      await child.close();
    }
  });

  it('of a QEMU that dies meanwhile fail with vmm_failed and leave neither a file nor a socket', async () => {
    await using machine = await parts.createMachine(handler);
    const { vm, fork } = await running(machine);
    const { directory, ...target } = await place(machine);
    const whileStill = async () => void (await vm.kill());
    await expect(fork(target, { whileStill })).rejects.toMatchObject({ code: 'vmm_failed' });
    expect(await readdir(directory)).toEqual([]);
    await vm.close();
    expect(await readdir(dirname(machine.spec.agentSocket))).toEqual([]);
  });

  it('aborted while the memory is read leave no file, and the guest goes on and can be captured again', async () => {
    await using machine = await parts.createMachine(handler);
    const { vm, fork } = await running(machine);
    const { directory, ...target } = await place(machine);
    const controller = new AbortController();
    const watcher = watch(directory).once('change', () => controller.abort());
    await expect(fork(target, { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
    watcher.close();
    expect(await readdir(directory)).toEqual([]);
    await ping(machine);
    await fork(target);
    await ping(machine);
    await vm.kill();
    await vm.close();
  });

  it('of a machine that was attached to without its memory and agent socket are unsupported', async () => {
    await using machine = await parts.createMachine(handler);
    const { vm } = await running(machine);
    const { supervisor, request, listenerPath } = machine.host;
    const other = handler.attach(await supervisor.connect(request.controlDir), listenerPath);
    await expect(other.fork?.(await place(machine))).rejects.toMatchObject({ code: 'unsupported' });
    await other.close();
    await vm.kill();
    await vm.close();
  });
});
