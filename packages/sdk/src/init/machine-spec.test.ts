import { type BoxLayout, createBoxId } from '@boxlite/layout';
import { describe, expect, it } from 'vitest';
import { type BoxOptions, parseBoxOptions } from '../options/box-options.js';
import { machineSpec } from './machine-spec.js';

const boxId = createBoxId();

const machineWith = (security: BoxOptions['security']) =>
  machineSpec({
    record: { config: { id: boxId, createdAt: 0, options: {} }, state: { status: 'configured', updatedAt: 0 } },
    box: { id: boxId, agentSocket: '/agent' } as BoxLayout,
    options: parseBoxOptions({ ...(security === undefined ? {} : { security }) }),
    kernel: { path: '/kernel' },
    disk: { path: '/disk', store: 'reflink', format: 'raw' },
    guestRootfsPath: '/rootfs',
    shares: [],
    services: { showsReadOnly: async () => false },
  });

describe('the machine of a box', () => {
  it.each([
    [undefined],
    [{ jailer: 'required' }],
    [{ seccomp: 'enforce' }],
    [{ jailerEnabled: true, seccomp: 'diagnose' }],
  ] as const)('may count on the filter of a jail that is demanded: %j', async (security) => {
    expect('unfiltered' in (await machineWith(security))).toBe(false);
  });

  it.each([
    [{ jailer: 'off' }],
    [{ jailerEnabled: false }],
    [{ jailer: 'best-effort' }],
    [{ seccomp: 'off' }],
    [{ seccompEnabled: false }],
  ] as const)('is told to filter its own system calls where a jail may not: %j', async (security) => {
    expect(await machineWith(security)).toMatchObject({ unfiltered: true });
  });
});
