import type { VmmSpec } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { checkSpec } from './check-spec.js';
import { MAX_DISKS, MIN_MEMORY_MIB } from './machine-limits.js';

const spec: VmmSpec = {
  boxId: 'box',
  vcpus: 16,
  memoryMib: MIN_MEMORY_MIB,
  kernel: '/kernel',
  commandLine: ['root=/dev/vdb', 'init=/boxlite/bin/boxlite-guest'],
  disks: Array.from({ length: MAX_DISKS }, (_, index) => ({ path: `/disk${index}`, format: 'raw', readOnly: true })),
  shares: [],
  nics: [],
  agentSocket: `/${'s'.repeat(106)}`,
};
const disk = spec.disks[0]!;
const share = { tag: 'uservol0', hostPath: '/x', readOnly: true };
const nic = { socketPath: '/net.sock', macAddress: '02:00:00:00:00:01' };

describe('checkSpec', () => {
  it('accepts a machine at its limits', () => {
    expect(() => checkSpec(spec)).not.toThrow();
  });

  it('accepts as many CPUs as the kernel can use, where that is known', () => {
    expect(() => checkSpec({ ...spec, vcpus: 64, kernelMaxVcpus: 64 })).not.toThrow();
  });

  it.each([
    ['a share', { shares: [share] }, 'unsupported', 'shares'],
    ['a network card', { nics: [nic] }, 'unsupported', 'nics'],
    ['too many CPUs', { vcpus: 17 }, 'unsupported', 'vcpus'],
    ['more CPUs than its kernel can use', { vcpus: 65, kernelMaxVcpus: 64 }, 'unsupported', 'vcpus'],
    ['no CPU', { vcpus: 0 }, 'invalid_argument', 'vcpus'],
    ['too little memory to boot', { memoryMib: MIN_MEMORY_MIB - 1 }, 'resource_exhausted', 'memoryMib'],
    ['memory that is no number', { memoryMib: Number.NaN }, 'invalid_argument', 'memoryMib'],
    ['too many disks', { disks: [...spec.disks, disk] }, 'unsupported', 'disks'],
    ['a relative disk', { disks: [{ ...disk, path: 'x' }] }, 'invalid_argument', 'disks[0].path'],
    [
      'a disk format to be guessed',
      { disks: [{ ...disk, format: 'auto' as 'raw' }] },
      'invalid_argument',
      'disks[0].format',
    ],
    ['a path with a NUL', { kernel: '/k\0' }, 'invalid_argument', 'kernel'],
    ['a socket path over sun_path', { agentSocket: `/${'s'.repeat(107)}` }, 'invalid_argument', 'agentSocket'],
    ['two parameters in one', { commandLine: ['quiet init=/bin/sh'] }, 'invalid_argument', 'commandLine[0]'],
    ['a quoted parameter', { commandLine: ['ro', 'a="b'] }, 'invalid_argument', 'commandLine[1]'],
    ['a command line that is too long', { commandLine: ['x'.repeat(1401)] }, 'invalid_argument', 'commandLine'],
  ] as const)('refuses %s, naming the member', (_, change, code, field) => {
    expect(() => checkSpec({ ...spec, ...change })).toThrowError(
      expect.objectContaining({ code, hint: expect.any(String), details: { field } }),
    );
  });
});
