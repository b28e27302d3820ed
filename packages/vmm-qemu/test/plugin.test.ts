import { existsSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HardwareProbe, PluginRegistry } from '@boxlite/core';
import { createQemuVmm, qemuVmmPlugin } from '@boxlite/vmm-qemu';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const hardware: HardwareProbe = {
  kvm: async () => ({ state: 'missing', reason: 'there is no KVM', remedy: 'none' }),
};
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-qemu-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function fakeQemu(says: string): Promise<string> {
  const binary = join(directory, 'qemu-system-x86_64');
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
    const usable: HardwareProbe = { kvm: async () => ({ state: 'usable', apiVersion: 12 }) };
    const { paths, devices } = await createQemuVmm({ hardware: usable }).requirements({} as never);
    expect(devices).toEqual(['/dev/kvm']);
    expect(paths).toHaveLength(2);
  });
});
