import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RuntimeServices } from '../runtime-services.js';
import { collectBases } from './collect-bases.js';

let basesDir: string;

beforeEach(() => {
  basesDir = mkdtempSync(join(tmpdir(), 'boxlite-bases-'));
  mkdirSync(basesDir, { recursive: true });
});
afterEach(() => rmSync(basesDir, { recursive: true, force: true }));

function home({ recorded = [] as string[], used = [] as string[], isHeld = false } = {}) {
  const events: string[] = [];
  const services = {
    layout: { basesDir },
    store: {
      baseDisks: {
        list: async () => recorded.map((id) => ({ id })),
        referencedBy: async (id: string) => (used.includes(id) ? ['box'] : []),
      },
      leases: {
        async acquire(entity: string, purpose: string, options: object = {}) {
          if (isHeld) throw new BoxliteError('lease_held', 'held');
          events.push(`${purpose} has ${entity} ${'shared' in options ? 'shared' : 'alone'}`);
          return { release: async () => void events.push('released') };
        },
      },
    },
    collectGuestRootfs: async () => {
      events.push('collected');
      return 1;
    },
    log: ({ message }: { message: string }) => void events.push(message),
  } as unknown as RuntimeServices;
  for (const id of recorded) writeFileSync(join(basesDir, `${id}.ext4`), '');
  return { services, events };
}

describe('collecting guest rootfs disks when a home is opened', () => {
  it('runs under the exclusive home lease and says how many went', async () => {
    const { services, events } = home({ recorded: ['old00001', 'new00001'], used: ['new00001'] });
    await collectBases(services);
    expect(events).toEqual(['gc has home alone', 'collected', 'removed 1 guest rootfs disks nobody needs', 'released']);
  });

  it('also for a file without a record, which a crash left', async () => {
    writeFileSync(join(basesDir, 'orphan01.ext4'), '');
    const { services, events } = home();
    await collectBases(services);
    expect(events).toContain('collected');
  });

  it.each([[[]], [['only0001']], [['used0001', 'used0002']]])(
    'costs nothing where there can be nothing to collect: %j',
    async (ids) => {
      const { services, events } = home({ recorded: ids, used: ids });
      await collectBases(services);
      expect(events).toEqual([]);
    },
  );

  it('is left to the next one when another process holds the home', async () => {
    const { services, events } = home({ recorded: ['old00001', 'new00001'], isHeld: true });
    await collectBases(services);
    expect(events).toEqual([]);
  });
});
