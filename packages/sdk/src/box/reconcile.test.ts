import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BoxRecord, type BoxStateRecord, parseBoxId } from '@boxlite/core';
import { type BoxLayout, createHomeLayout, selfIdentity } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { boxLiveness, reconciledRecord } from './reconcile.js';

const ID = parseBoxId('abc');
const self = selfIdentity();
const DEAD = { pid: self.pid, startTime: self.startTime + 1 };
let base: string;
let box: BoxLayout;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-reconcile-'));
  const home = createHomeLayout(join(base, 'home'), { linkRoot: base });
  await home.prepare();
  box = home.box(ID);
  await box.prepare();
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

function pidRecord(supervisor: typeof self, vmm = supervisor): string {
  return `supervisor ${supervisor.pid} ${supervisor.startTime}\nvmm ${vmm.pid} ${vmm.startTime}\n`;
}

/** A store with one record, which `meanwhile` may change between reading and writing. */
function storeWith(status: BoxStateRecord['status'], meanwhile?: Partial<BoxStateRecord>) {
  let state: BoxStateRecord = { status, updatedAt: 5, vmm: DEAD };
  const record = { config: { id: ID, createdAt: 1, options: {} } } as Pick<BoxRecord, 'config'>;
  const services = {
    store: {
      boxes: {
        get: async () => ({ ...record, state }),
        update: async (_id: string, change: (current: BoxStateRecord) => BoxStateRecord) => {
          state = change({ ...state, ...meanwhile });
          return state;
        },
      },
    },
  } as unknown as Pick<RuntimeServices, 'store'>;
  return async () => (await reconciledRecord(services, ID, box))?.state;
}

describe('shim.pid is the source of truth', () => {
  it('a supervisor of that pid and start time is alive, a later process of the same pid is not', async () => {
    writeFileSync(box.pidFile, pidRecord(self));
    expect(await boxLiveness(box)).toEqual({ alive: true, supervisor: self, vmm: self });
    writeFileSync(box.pidFile, pidRecord(DEAD));
    expect(await boxLiveness(box)).toEqual({ alive: false, left: { supervisor: DEAD, vmm: DEAD } });
  });

  it('what is no record of ours, or a link to one, says that nobody runs', async () => {
    for (const text of ['', 'supervisor 1', pidRecord(self).repeat(2)]) {
      writeFileSync(box.pidFile, text);
      expect(await boxLiveness(box)).toEqual({ alive: false });
    }
    rmSync(box.pidFile);
    writeFileSync(join(base, 'elsewhere'), pidRecord(self));
    symlinkSync(join(base, 'elsewhere'), box.pidFile);
    expect(await boxLiveness(box)).toEqual({ alive: false });
    rmSync(box.pidFile);
    mkdirSync(box.pidFile);
    expect(await boxLiveness(box)).toEqual({ alive: false });
  });

  it('a row that says running stays while it does, and is put right when it does not', async () => {
    writeFileSync(box.pidFile, pidRecord(self));
    expect(await storeWith('running')()).toMatchObject({ status: 'running' });
    rmSync(box.pidFile);
    expect(await storeWith('running')()).toMatchObject({ status: 'stopped' });
    expect(await storeWith('stopping')()).toMatchObject({ status: 'stopped' });
  });

  it('a row that does not claim to run is never made to', async () => {
    writeFileSync(box.pidFile, pidRecord(self));
    for (const status of ['configured', 'stopped', 'failed'] as const) {
      expect(await storeWith(status)()).toMatchObject({ status, updatedAt: 5 });
    }
  });
});

describe('a box found dead', () => {
  it('is failed with what its crash record says, escaped', async () => {
    writeFileSync(box.exitFile, JSON.stringify({ kind: 'Panic', message: 'Kernel panic \u001b[2J', stderrTail: '' }));
    expect(await storeWith('running')()).toMatchObject({ status: 'failed', errorReason: 'Kernel panic \\x1b[2J' });
  });

  it('is failed also when the record is rubbish or a planted link', async () => {
    writeFileSync(box.exitFile, '{"kind":');
    expect(await storeWith('running')()).toMatchObject({ status: 'failed' });
    rmSync(box.exitFile);
    symlinkSync('/etc/passwd', box.exitFile);
    expect(await storeWith('running')()).toMatchObject({ status: 'failed' });
  });

  it('with an empty crash record, which is none, is stopped', async () => {
    writeFileSync(box.exitFile, '');
    expect(await storeWith('running')()).toMatchObject({ status: 'stopped' });
  });

  it('whose supervisor was killed is failed and says so', async () => {
    writeFileSync(box.pidFile, pidRecord(DEAD));
    const state = await storeWith('running')();
    expect(state).toMatchObject({ status: 'failed', errorReason: expect.stringContaining('supervisor was lost') });
    expect(state).not.toHaveProperty('vmm');
  });

  it('is left as it is when somebody has started it again meanwhile', async () => {
    const again = { status: 'running' as const, updatedAt: 9, vmm: self };
    expect(await storeWith('running', again)()).toMatchObject(again);
  });
});
