import type { VmmSpec } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { SHIM_CONFIG_MAX_BYTES, shimConfig } from './shim-config.js';

const spec: VmmSpec = {
  boxId: 'box',
  vcpus: 2,
  memoryMib: 256,
  kernel: '/k',
  commandLine: ['root=/dev/vdb', 'ro'],
  disks: [{ path: '/d "1"', format: 'qcow2', readOnly: false }],
  shares: [{ tag: 't', hostPath: '/s', readOnly: true }],
  nics: [{ socketPath: '/n', macAddress: '02:00:00:00:00:01' }],
  agentSocket: '/a',
};
const settings = { library: '/l', logLevel: 'warn', tsi: false } as const;

describe('what the shim is told', () => {
  it('is one document with every member, the format of each disk, and no member of ours it does not know', () => {
    expect(JSON.parse(Buffer.from(shimConfig({ ...spec, binDir: '/b' }, settings)).toString())).toEqual({
      version: 1,
      library: '/l',
      logLevel: 'warn',
      vcpus: 2,
      memoryMib: 256,
      kernel: '/k',
      commandLine: 'console=hvc0 reboot=k panic=-1 quiet nomodule no-kvmapf root=/dev/vdb ro',
      disks: [{ path: '/d "1"', format: 'qcow2', readOnly: false }],
      shares: [{ tag: 't', path: '/s', readOnly: true, hostEnforced: false }],
      nics: [{ socket: '/n', mac: '02:00:00:00:00:01' }],
      agent: { port: 2695, socket: '/a' },
      tsi: false,
    });
  });

  it('says that the host enforces a share only when the spec does', () => {
    const shares = [{ tag: 't', hostPath: '/s', readOnly: true, hostEnforced: true }];
    expect(JSON.parse(Buffer.from(shimConfig({ ...spec, shares }, settings)).toString()).shares).toEqual([
      { tag: 't', path: '/s', readOnly: true, hostEnforced: true },
    ]);
  });

  it('is refused when it is larger than the shim reads', () => {
    const disks = Array.from(
      { length: 20 },
      () => ({ path: `/${'x'.repeat(4000)}`, format: 'raw', readOnly: true }) as const,
    );
    expect(() => shimConfig({ ...spec, disks }, settings)).toThrow(
      expect.objectContaining({ code: 'invalid_argument', message: expect.stringContaining('bytes') }),
    );
    expect(SHIM_CONFIG_MAX_BYTES).toBe(65_536);
  });
});
