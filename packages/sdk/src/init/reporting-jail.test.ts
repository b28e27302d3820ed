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
    const jail = createJailer({ id: 'box', sandbox: unavailable, paths: [], security: { allowUnconfined: true } });
    const reporting = reportingJail(jail, log, 'box');
    await reporting.prepare();
    expect(entries).toEqual([
      { level: 'warn', message: expect.stringMatching(/UNCONFINED.*no user namespaces/), boxId: 'box' },
    ]);
    expect(reporting.name).toBe('none');
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
