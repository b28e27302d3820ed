import type { VmmSpec } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { checkSpec } from './check-spec.js';
import { MIN_MEMORY_MIB } from './machine-limits.js';

const limits = { kernelMaxVcpus: 16, arch: 'x64' };
const disk = { path: '/d', format: 'raw', readOnly: true } as const;
const spec: VmmSpec = {
  boxId: 'box',
  vcpus: 1,
  memoryMib: 128,
  kernel: '/k',
  commandLine: ['root=/dev/vdb'],
  disks: [disk, disk],
  shares: [],
  nics: [],
  agentSocket: '/a',
};
const share = (tag: string) => ({ tag, hostPath: '/s', readOnly: false });
const nic = (macAddress: string) => ({ socketPath: '/n', macAddress });
const check = (change: Partial<VmmSpec>, arch = 'x64') => checkSpec({ ...spec, ...change }, { ...limits, arch });

describe('a machine of libkrun', () => {
  it('is accepted up to the 11 virtio-mmio devices of x86-64, 4 of which every machine has, and refused above', () => {
    check({ shares: ['a', 'b', 'c', 'd'].map(share), nics: [nic('02:00:00:00:00:01')] });
    expect(() => check({ shares: ['a', 'b', 'c', 'd', 'e', 'f'].map(share) })).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        details: { field: 'shares' },
        message: expect.stringContaining('room for 7'),
      }),
    );
    expect(() => check({ disks: Array.from({ length: 8 }, () => disk) })).toThrow(
      expect.objectContaining({ code: 'unsupported', details: { field: 'disks' } }),
    );
    check({ disks: Array.from({ length: 20 }, () => disk) }, 'arm64');
  });

  it('with more CPUs than the guest kernel can use is refused before spawn, with the reason', () => {
    expect(() => checkSpec({ ...spec, vcpus: 64, kernelMaxVcpus: 64 }, { arch: 'x64' })).not.toThrow();
    expect(() => checkSpec({ ...spec, vcpus: 17 }, { arch: 'x64' })).toThrow('more than the 16');
    check({ vcpus: 16 });
    expect(() => check({ vcpus: 17 })).toThrow(
      expect.objectContaining({
        code: 'unsupported',
        details: { field: 'vcpus' },
        message: '17 CPUs are more than the 16 the guest kernel can use',
      }),
    );
  });

  const refused: readonly [string, string, Partial<VmmSpec>][] = [
    ['invalid_argument', 'vcpus', { vcpus: 0 }],
    ['invalid_argument', 'vcpus', { vcpus: 1.5 }],
    ['invalid_argument', 'memoryMib', { memoryMib: Number.NaN }],
    ['resource_exhausted', 'memoryMib', { memoryMib: MIN_MEMORY_MIB - 1 }],
    ['unsupported', 'initrd', { initrd: '/i' }],
    ['unsupported', 'from', { from: { memory: '/m', state: '/s' } }],
    ['invalid_argument', 'kernel', { kernel: 'k' }],
    ['invalid_argument', 'agentSocket', { agentSocket: `/${'a'.repeat(107)}` }],
    ['invalid_argument', 'binDir', { binDir: 'bin' }],
    ['invalid_argument', 'disks[0].path', { disks: [{ ...disk, path: '/d\0' }] }],
    ['invalid_argument', 'disks[0].format', { disks: [{ ...disk, format: 'vmdk' as 'raw' }] }],
    ['invalid_argument', 'shares[0].tag', { shares: [share('')] }],
    ['invalid_argument', 'shares[0].tag', { shares: [share('t'.repeat(37))] }],
    ['invalid_argument', 'shares[1].tag', { shares: [share('t'), share('t')] }],
    ['invalid_argument', 'shares[0].hostPath', { shares: [{ ...share('t'), hostPath: 's' }] }],
    ['invalid_argument', 'nics[0].macAddress', { nics: [nic('02:00:00:00:00')] }],
    ['invalid_argument', 'nics[0].macAddress', { nics: [nic('01:00:00:00:00:01')] }],
    ['invalid_argument', 'nics[0].socketPath', { nics: [{ ...nic('02:00:00:00:00:01'), socketPath: 'n' }] }],
    ['invalid_argument', 'commandLine[0]', { commandLine: ['root=/dev/vdb init=/evil'] }],
    ['invalid_argument', 'commandLine[1]', { commandLine: ['ro', 'a"b'] }],
    ['invalid_argument', 'commandLine', { commandLine: ['x'.repeat(1401)] }],
  ];
  it.each(refused)('is refused as %s for %s when it is nonsense (%j)', (code, field, change) => {
    expect(() => check(change)).toThrow(
      expect.objectContaining({ code, details: { field }, hint: expect.any(String) }),
    );
  });
});
