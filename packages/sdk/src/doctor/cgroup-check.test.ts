import type { CgroupController } from '@boxlite/jailer';
import { describe, expect, it } from 'vitest';
import { cgroupCheck, tryCgroup } from './cgroup-check.js';

const all = { enforced: { memory: true, processes: true }, degradations: [] };
const none = { enforced: { memory: false, processes: false }, degradations: ['no cgroup: it is not delegated'] };

describe('cgroupCheck', () => {
  it('is ok where a box gets both controllers', () => {
    expect(
      cgroupCheck({ hierarchy: { kind: 'pure', root: '/sys/fs/cgroup', mountedGroup: '/' }, outcome: all }),
    ).toMatchObject({
      status: 'ok',
      detail: 'version 2; boxes get the controllers memory, pids',
      facts: { hierarchy: 'pure', controllers: ['memory', 'pids'] },
    });
  });

  it.each([
    [
      'pure',
      /version 2.*memory and pids: no cgroup: it is not delegated/,
      /systemd-run --user --scope -p Delegate=yes/,
    ],
    ['hybrid', /hybrid/, /systemd\.unified_cgroup_hierarchy=1/],
    ['legacy', /version 1/, /systemd\.unified_cgroup_hierarchy=1/],
    ['none', /not mounted/, /mount -t cgroup2/],
  ] as const)('is a warning on a %s host that gives none', (kind, detail, remedy) => {
    expect(
      cgroupCheck({ hierarchy: { kind, root: '/sys/fs/cgroup', mountedGroup: '/' }, outcome: none }),
    ).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(detail),
      remedy: expect.stringMatching(remedy),
      facts: { hierarchy: kind, controllers: [] },
    });
  });

  it('names the one controller that was not delegated', () => {
    const outcome = { enforced: { memory: false, processes: true }, degradations: [] };
    expect(cgroupCheck({ hierarchy: { kind: 'pure', root: '/', mountedGroup: '/' }, outcome })).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('no controller for memory'),
      facts: { controllers: ['pids'] },
    });
  });
});

describe('tryCgroup', () => {
  it('removes the group also when making it fails', async () => {
    const released: string[] = [];
    const controller: CgroupController = {
      prepare: () => Promise.reject(new Error('read-only file system')),
      release: async (id) => void released.push(id),
    };
    await expect(tryCgroup(controller)).rejects.toThrow('read-only file system');
    expect(released).toEqual([`doctor-${process.pid}`]);
  });
});
