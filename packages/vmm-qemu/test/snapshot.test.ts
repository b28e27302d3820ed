import { watch } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VmmSnapshot } from '@boxlite/core';
import { createQemuVmm } from '@boxlite/vmm-qemu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../../../test/support/patience.js';
import { createVmParts, hardware, pingAgent, type VmParts } from '../../../test/support/vm-parts.js';
import { decodeTrailer, encodeTrailer, MAX_TRAILER_BYTES } from '../src/snapshot/state-trailer.js';

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

  it('go on with a raw disk of another size: the guest is told, nothing of it is lost, and the file keeps its size', async () => {
    const { guest } = parts.setup(() => handler);
    if (guest === undefined) throw new TypeError('busybox-static is not installed');
    const raw = async (name: string, bytes: number) => {
      const path = join(parts.layout.tmpDir, name);
      await copyFile(join(parts.layout.diskImagesDir, 'empty.ext4'), path);
      await truncate(path, bytes);
      return path;
    };
    const withDisk = async (path: string, from?: VmmSnapshot) => {
      const rootfs = { path: join(parts.layout.basesDir, 'rootfs00.ext4'), format: 'raw', readOnly: true } as const;
      const disks = [{ path, format: 'raw', readOnly: false } as const, rootfs];
      return parts.createMachine(handler, { disks, ...(from === undefined ? {} : { from }) });
    };
    await using first = await withDisk(await raw('first.raw', 64 * MIB));
    const { vm, fork, restore } = await running(first);
    const { memory, state } = await place(first);
    const from = { memory, state };
    await fork(from);
    await vm.kill();
    await vm.close();
    // The last is no whole number of sectors, as no disk of ours is, and somebody else's may be.
    for (const bytes of [160 * MIB, 64 * MIB, 96 * MIB + 512 * 3]) {
      const path = await raw(`${bytes}.raw`, bytes);
      await using machine = await withDisk(path, from);
      const child = await restore(machine.spec, machine.host);
      const look = async () => guest.diskBytes(await machine.host.supervisor.connect(machine.host.request.controlDir));
      // It is told by an interrupt, which may come after its agent answers.
      await expect.poll(look, { timeout: patience(20_000) }).toBe(bytes);
      expect((await child.stop(patience(10_000))).kind).toBe('Clean');
      await child.close();
      expect((await stat(path)).size).toBe(bytes);
    }
  });

  it.each(['7.1.0', '99.0.0'])('are of one version of QEMU: what %s has made is snapshot_invalid', async (qemu) => {
    await using machine = await parts.createMachine(handler);
    const { vm, fork, restore } = await running(machine);
    const { memory, state } = await place(machine);
    await fork({ memory, state });
    await vm.kill();
    await vm.close();
    const bytes = await readFile(state);
    const trailer = decodeTrailer(bytes.subarray(-MAX_TRAILER_BYTES), bytes.length);
    await writeFile(state, Buffer.concat([bytes.subarray(0, trailer.stateBytes), encodeTrailer({ ...trailer, qemu })]));
    await using child = await parts.createMachine(handler, { from: { memory, state } });
    await expect(restore(child.spec, child.host)).rejects.toMatchObject({
      code: 'snapshot_invalid',
      details: { field: 'from.state' },
    });
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
