import { chmod, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HardwareProbe, KvmStatus } from '@boxlite/core';
import { LIBKRUN_PRIORITY, libkrunVmmPlugin } from '@boxlite/vmm-libkrun';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileLibkrun, compilerAbsence } from './support/compile-libkrun.js';

const absence = compilerAbsence();
const describeCompiled = describe.skipIf(absence !== '');

const NEEDED = [
  'krun_set_vm_config',
  'krun_set_kernel',
  'krun_disable_implicit_vsock',
  'krun_add_vsock',
  'krun_add_vsock_port2',
  'krun_set_console_output',
  'krun_start_enter',
  'krun_add_disk2',
];
const hardware = (status: KvmStatus): HardwareProbe => ({ kvm: async () => status });
const usable = hardware({ state: 'usable', apiVersion: 12 });

let root: string;
let shim: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'boxlite-plugin-')));
  shim = join(root, 'shim');
  await writeFile(shim, '', { mode: 0o755 });
});
afterEach(() => rm(root, { recursive: true, force: true }));

const compiled = (functions: readonly string[]) => compileLibkrun(join(root, 'libkrun.so.1.17.2'), { functions });

describeCompiled(`the libkrun plugin${absence}`, () => {
  it('comes before QEMU, and is available where KVM, a libkrun with every function needed, and the shim are', async () => {
    const plugin = libkrunVmmPlugin({ hardware: usable, libraryPath: await compiled(NEEDED), shimPath: shim });
    expect(await plugin.probe()).toEqual({
      available: true,
      detail: 'libkrun 1.17.2 with KVM (option libraryPath)',
    });
    expect(plugin).toMatchObject({ kind: 'vmm', id: 'libkrun', priority: LIBKRUN_PRIORITY });
    // QEMU's has none, which is 0.
    expect(plugin.priority).toBeGreaterThan(0);
    expect(plugin.create(undefined).id).toBe('libkrun');
  });

  it('is available with the libkrun of the npm package', async () => {
    const plugin = libkrunVmmPlugin({ hardware: usable, libraryDirectories: [], shimPath: shim });
    expect(await plugin.probe()).toMatchObject({ available: true, detail: expect.stringContaining('libkrun 1.17.4') });
  });

  it("passes on the hardware's reason and remedy, and does not look for the library then", async () => {
    const denied = hardware({ state: 'denied', reason: 'this user may not open /dev/kvm', remedy: 'join group kvm' });
    expect(await libkrunVmmPlugin({ hardware: denied, libraryPath: 'relative' }).probe()).toEqual({
      available: false,
      reason: 'this user may not open /dev/kvm',
      remedy: 'join group kvm',
    });
  });

  it.each(NEEDED)('names %s when the library lacks it', async (absent) => {
    const libraryPath = await compiled(NEEDED.filter((name) => name !== absent));
    expect(await libkrunVmmPlugin({ hardware: usable, libraryPath, shimPath: shim }).probe()).toEqual({
      available: false,
      reason: expect.stringContaining(`has no ${absent}, which serves`),
      remedy: expect.stringContaining('1.17'),
    });
  });

  it('says that there is no libkrun with every place looked at, and that the shim is missing', async () => {
    const nowhere = { hardware: usable, libraryDirectories: [join(root, 'lib')], resolveFrom: [] };
    expect(await libkrunVmmPlugin(nowhere).probe()).toMatchObject({
      available: false,
      reason: expect.stringContaining(`${root}/lib: no libkrun`),
    });
    await chmod(shim, 0o644);
    const withoutShim = { hardware: usable, libraryPath: await compiled(NEEDED), shimPath: shim };
    expect(await libkrunVmmPlugin(withoutShim).probe()).toMatchObject({
      available: false,
      reason: `the shim ${shim} is not a program that can be run`,
      remedy: expect.stringContaining('platform'),
    });
  });
});
