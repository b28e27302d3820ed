import type { SandboxContext } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { bwrapLayers } from './bwrap-layers.js';

const context: SandboxContext = {
  id: 'b',
  paths: [
    { path: '/data', writable: true },
    { path: '/lib/x.so', writable: false },
  ],
  devices: ['/dev/kvm'],
  resourceLimits: {},
  networkEnabled: false,
};
const whole = { disableUserns: true, tmpSizeBytes: 64 * 1024 ** 2 };

describe('the layers of bubblewrap', () => {
  it('are its namespaces and its view, in words', () => {
    expect(bwrapLayers(context, whole)).toEqual([
      { name: 'namespaces', state: 'active', detail: 'user, pid, ipc, uts, cgroup, mount, network' },
      { name: 'view', state: 'active', detail: '2 paths, 1 of them writable; 5 devices; /tmp of 64 MiB' },
    ]);
  });

  it("tell a network that is the host's, and a bubblewrap that cannot forbid further user namespaces", () => {
    const [namespaces] = bwrapLayers({ ...context, networkEnabled: true }, { ...whole, disableUserns: false });
    expect(namespaces).toMatchObject({ name: 'namespaces', state: 'partial' });
    expect(namespaces?.detail).toMatch(/the network is the host’s.*--disable-userns does not work here/);
  });
});
