import type { Jail } from '@boxlite/core';
import { createJailer } from '@boxlite/jailer';
import { describe, expect, it } from 'vitest';
import type { Log } from '../runtime/log.js';
import { reportingJail } from './reporting-jail.js';

function logged() {
  const entries: Parameters<Log>[0][] = [];
  return { entries, log: (entry: Parameters<Log>[0]) => void entries.push(entry) };
}

const unavailable = {
  name: 'fake',
  isAvailable: async () => ({ available: false, reason: 'no user namespaces', remedy: 'allow them' }),
  setup: async () => ({ degradations: [] }),
  apply: () => {
    throw new Error('must not be applied');
  },
};

describe('a jail that reports', () => {
  it('warns when a box runs bare because its options permit it', async () => {
    const { entries, log } = logged();
    const jail = createJailer({ id: 'box', sandbox: unavailable, paths: [], security: { jailer: 'best-effort' } });
    const reporting = reportingJail(jail, log, 'box');
    await reporting.prepare();
    expect(entries[0]).toEqual({
      level: 'warn',
      message: expect.stringMatching(/UNCONFINED.*no user namespaces.*allow them/),
      boxId: 'box',
    });
    expect(reporting.name).toBe('none');
  });

  it('warns when a box runs bare because its jailer is off, of which the jail itself says nothing', async () => {
    const { entries, log } = logged();
    const jail = createJailer({ id: 'box', sandbox: unavailable, paths: [], security: { jailer: 'off' } });
    const reporting = reportingJail(jail, log, 'box');
    await reporting.prepare();
    expect(entries).toEqual([{ level: 'warn', message: expect.stringContaining('UNCONFINED'), boxId: 'box' }]);
    reporting.command({ binary: '/vmm', args: [], env: {} });
    expect(reporting.record()).toEqual({ name: 'none', layers: [] });
  });

  it('warns of all that best effort goes without', async () => {
    const { entries, log } = logged();
    const jail: Jail = {
      name: 'landlock',
      prepare: async () => ['there is no view'],
      command: (command) => ({ ...command, pidReport: { kind: 'self' } }),
      release: async () => undefined,
    };
    await reportingJail(jail, log, 'box', { isBestEffort: true }).prepare();
    expect(entries).toEqual([{ level: 'warn', message: 'there is no view', boxId: 'box' }]);
  });

  it('warns where the kernel has no Landlock although the sandbox would use it, not where nobody asked for it', async () => {
    for (const [name, level] of [
      ['bwrap+landlock', 'warn'],
      ['bwrap', 'info'],
    ] as const) {
      const { entries, log } = logged();
      const jail: Jail = {
        name,
        layers: [{ name: 'landlock', state: 'inactive', detail: 'none' }],
        prepare: async () => ['something is not there'],
        command: (command) => ({ ...command, pidReport: { kind: 'self' } }),
        release: async () => undefined,
      };
      await reportingJail(jail, log, 'box').prepare();
      expect(entries).toEqual([{ level, message: 'something is not there', boxId: 'box' }]);
    }
  });

  it('warns where a layer that is promised is not whole: root does not go on as root unseen', async () => {
    const { entries, log } = logged();
    const jail: Jail = {
      name: 'bwrap',
      layers: [{ name: 'privileges', state: 'partial', detail: 'host root' }],
      prepare: async () => ['the VMM stays host root'],
      command: (command) => ({ ...command, pidReport: { kind: 'self' } }),
      release: async () => undefined,
    };
    await reportingJail(jail, log, 'box').prepare();
    expect(entries).toEqual([{ level: 'warn', message: 'the VMM stays host root', boxId: 'box' }]);
  });

  it('can be written down: sandbox, layers, and the control group of the command', async () => {
    const layers = [{ name: 'view', state: 'active', detail: 'four paths' }] as const;
    const jail: Jail = {
      name: 'bwrap',
      layers,
      prepare: async () => [],
      command: (command) => ({ ...command, cgroupDir: '/sys/fs/cgroup/boxlite/box', pidReport: { kind: 'self' } }),
      release: async () => undefined,
    };
    const reporting = reportingJail(jail, logged().log, 'box');
    await reporting.prepare();
    reporting.command({ binary: '/vmm', args: [], env: {} });
    expect(reporting.record()).toEqual({ name: 'bwrap', layers, cgroupDir: '/sys/fs/cgroup/boxlite/box' });
  });

  it('tells of less than that without a warning, passes everything on, and refuses as the jail does', async () => {
    const { entries, log } = logged();
    const calls: string[] = [];
    const jail: Jail = {
      name: 'bwrap',
      prepare: async () => ['no cgroup here'],
      command: (command) => ({ ...command, binary: '/jailed', pidReport: { kind: 'self' } }),
      release: async () => void calls.push('released'),
    };
    const reporting = reportingJail(jail, log, 'box');
    expect(await reporting.prepare()).toEqual(['no cgroup here']);
    expect(entries).toEqual([{ level: 'info', message: 'no cgroup here', boxId: 'box' }]);
    expect(reporting.command({ binary: '/vmm', args: [], env: {} }).binary).toBe('/jailed');
    await reporting.release();
    expect(calls).toEqual(['released']);

    const refusing = createJailer({ id: 'box', sandbox: unavailable, paths: [] });
    await expect(reportingJail(refusing, log, 'box').prepare()).rejects.toMatchObject({
      code: 'sandbox_unavailable',
      hint: 'allow them',
    });
  });
});
