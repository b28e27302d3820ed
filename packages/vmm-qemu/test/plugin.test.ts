import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HardwareProbe, PluginRegistry, type VmmSpec } from '@boxlite/core';
import { createQemuVmm, qemuVmmPlugin } from '@boxlite/vmm-qemu';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const hardware: HardwareProbe = {
  kvm: async () => ({ state: 'missing', reason: 'there is no KVM', remedy: 'none' }),
};
const usable: HardwareProbe = { kvm: async () => ({ state: 'usable', apiVersion: 12 }) };
const spec: VmmSpec = {
  ...{ boxId: 'box', vcpus: 1, memoryMib: 128, kernel: '/kernel', commandLine: ['root=/dev/vdb'] },
  ...{ disks: [], shares: [], nics: [], agentSocket: '/agent' },
};
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-qemu-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function fakeQemu(says: string, suffix = ''): Promise<string> {
  const binary = join(directory, `qemu-system-x86_64${suffix}`);
  await writeFile(binary, `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 });
  return binary;
}

describe('the plugin', () => {
  it('finds QEMU in PATH and tells version and accelerator', async () => {
    const plugin = qemuVmmPlugin({ hardware });
    expect(await plugin.probe()).toEqual({
      available: true,
      detail: expect.stringMatching(/^QEMU \d+\.\d+\.\d+ with TCG \(there is no KVM\)$/),
    });
    expect(plugin.create(undefined).id).toBe('qemu');
    expect(new PluginRegistry().register(plugin).list('vmm')).toHaveLength(1);
  });

  it('tells where it would run the small QEMU, which is with KVM', async () => {
    const searchPath = directory;
    const says = 'QEMU emulator version 7.2.22';
    for (const program of [await fakeQemu(says), await fakeQemu(says, '-microvm')]) await utimes(program, 1, 1);
    expect(await qemuVmmPlugin({ hardware: usable, firmwareDirs: ['/usr/share/qemu'], searchPath }).probe()).toEqual({
      available: true,
      detail: 'QEMU 7.2.22 (qemu-system-x86_64-microvm) with KVM (KVM is usable)',
    });
    await utimes(join(directory, 'qemu-system-x86_64-microvm'), 2, 2);
    expect(await qemuVmmPlugin({ hardware: usable, firmwareDirs: ['/usr/share/qemu'], searchPath }).probe()).toEqual({
      available: true,
      detail: 'QEMU 7.2.22 with KVM (KVM is usable)',
    });
  });

  it('names the package to install when there is no QEMU', async () => {
    expect(await qemuVmmPlugin({ hardware, searchPath: directory }).probe()).toEqual({
      available: false,
      reason: 'qemu-system-x86_64 is not in PATH',
      remedy: expect.stringContaining('apt install qemu-system-x86'),
    });
  });

  it('refuses a QEMU that is too old or no QEMU', async () => {
    const firmwareDirs = ['/usr/share/qemu'];
    const old = await fakeQemu('QEMU emulator version 6.2.0');
    expect(await qemuVmmPlugin({ hardware, firmwareDirs, binary: old }).probe()).toMatchObject({
      available: false,
      reason: expect.stringContaining('is version 6.2.0, needed is 7.0'),
    });
    const other = await fakeQemu('hello');
    expect(await qemuVmmPlugin({ hardware, firmwareDirs, binary: other }).probe()).toMatchObject({
      available: false,
      reason: expect.stringContaining('does not tell its version'),
    });
  });

  it('says so when KVM is demanded where there is none', async () => {
    expect(await qemuVmmPlugin({ hardware, accelerator: 'kvm' }).probe()).toMatchObject({
      available: false,
      reason: expect.stringContaining('there is no KVM'),
    });
  });
});

describe('what the machine needs of the host', () => {
  it('is the binary behind its links, its translator where that is a module, and the one firmware file, and no directory', async () => {
    const link = join(directory, 'qemu');
    await symlink('/usr/bin/qemu-system-x86_64', link);
    const handler = createQemuVmm({ hardware, binary: link });
    const { paths, devices } = await handler.requirements({} as never);
    const module = '/usr/lib/x86_64-linux-gnu/qemu/accel-tcg-x86_64.so';
    expect(paths.map(({ path }) => path)).toEqual([
      '/usr/bin/qemu-system-x86_64',
      // Debian 12 builds it as a module, Debian 13 does not.
      ...(existsSync(module) ? [module] : []),
      '/usr/share/qemu/qboot.rom',
    ]);
    expect(devices).toEqual([]);
  });

  it('includes /dev/kvm with KVM, and then no translator', async () => {
    const { paths, devices } = await createQemuVmm({ hardware: usable }).requirements({} as never);
    expect(devices).toEqual(['/dev/kvm']);
    expect(paths).toHaveLength(2);
  });
});

const small = '/usr/bin/qemu-system-x86_64-microvm';

// Distributions other than Debian and Ubuntu have one QEMU.
describe.skipIf(!existsSync(small))('the program that runs a machine with KVM', () => {
  it('is the same program for everything that is asked of a machine, and another one without a jail where the small one has no sandbox', async () => {
    const installed = { hardware: usable, searchPath: '/usr/bin' };
    const cannot = spawnSync(small, ['-sandbox', 'on', '-version']).status !== 0;
    for (const [unfiltered, program, isSandboxed] of [
      [false, small, !cannot],
      [true, cannot ? '/usr/bin/qemu-system-x86_64' : small, true],
    ] as const) {
      const handler = createQemuVmm(installed);
      const asked = { ...spec, unfiltered };
      const [first] = (await handler.requirements(asked)).paths;
      const { binary, args } = handler.command(asked);
      expect([first?.path, binary, args.includes('-sandbox')]).toEqual([program, program, isSandboxed]);
      expect(await handler.snapshotKey?.(asked)).toContain(`"${program} `);
    }
  });

  it('is another for snapshots, which one QEMU makes and the other would load', async () => {
    const named = createQemuVmm({ hardware: usable, binary: '/usr/bin/qemu-system-x86_64' });
    const found = createQemuVmm({ hardware: usable, searchPath: '/usr/bin' });
    expect(await named.snapshotKey?.(spec)).not.toBe(await found.snapshotKey?.(spec));
  });
});
