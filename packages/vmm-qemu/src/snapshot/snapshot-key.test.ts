import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VmmSpec } from '@boxlite/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { snapshotKey } from './snapshot-key.js';

const spec: VmmSpec = {
  ...{ boxId: 'box', vcpus: 1, memoryMib: 128, kernel: '/kernel', commandLine: ['root=/dev/vdb'] },
  ...{ disks: [{ path: '/a', format: 'qcow2', readOnly: false }], shares: [], nics: [], agentSocket: '/agent' },
};

let directory: string;
let host: Parameters<typeof snapshotKey>[1];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'boxlite-key-'));
  const [binary, firmware, module] = ['qemu', 'firmware', 'module'].map((name) => join(directory, name));
  if (binary === undefined || firmware === undefined || module === undefined) throw new TypeError('three names');
  for (const path of [binary, firmware, module]) await writeFile(path, path);
  host = {
    binary,
    hasSandbox: true,
    accelerator: 'tcg',
    tscKhz: 2_600_000,
    files: { firmware, firmwareDir: directory, modules: [module] },
  };
});
afterEach(() => rm(directory, { recursive: true }));

describe('snapshotKey', () => {
  it('does not depend on the box, its paths, or what it goes on from', async () => {
    const [disk] = spec.disks;
    if (disk === undefined) throw new TypeError('a disk');
    const other: VmmSpec = {
      ...{ ...spec, boxId: 'other', kernel: '/other', agentSocket: '/other', disks: [{ ...disk, path: '/other' }] },
      from: { memory: '/memory', state: '/state' },
    };
    expect(await snapshotKey(other, host)).toBe(await snapshotKey(spec, host));
  });

  it.each<[string, Partial<VmmSpec>]>([
    ['memory', { memoryMib: 256 }],
    ['CPUs', { vcpus: 2 }],
    ['kernel parameters', { commandLine: ['root=/dev/vda'] }],
    ['an initial RAM disk', { initrd: '/initrd' }],
    ['a disk more', { disks: [...spec.disks, ...spec.disks] }],
    ['a disk of another format', { disks: [{ path: '/a', format: 'raw', readOnly: false }] }],
    ['a disk that is only read', { disks: [{ path: '/a', format: 'qcow2', readOnly: true }] }],
  ])('is another one with other %s', async (_, change) => {
    expect(await snapshotKey({ ...spec, ...change }, host)).not.toBe(await snapshotKey(spec, host));
  });

  it('is another one with another QEMU, accelerator or counter', async () => {
    const before = await snapshotKey(spec, host);
    // What KVM says of the counter differs by one from call to call; another processor's differs by more.
    expect(await snapshotKey(spec, { ...host, tscKhz: 2_600_001 })).toBe(before);
    expect(await snapshotKey(spec, { ...host, tscKhz: 2_700_000 })).not.toBe(before);
    expect(await snapshotKey(spec, { ...host, accelerator: 'kvm' })).not.toBe(before);
    // Of two programs of one build, too.
    await writeFile(`${host.binary}-microvm`, host.binary);
    expect(await snapshotKey(spec, { ...host, binary: `${host.binary}-microvm` })).not.toBe(before);
    await utimes(host.binary, 1, 1);
    expect(await snapshotKey(spec, host)).not.toBe(before);
  });
});
