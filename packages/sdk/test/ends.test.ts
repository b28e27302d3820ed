import { writeFile } from 'node:fs/promises';
import type { BoxId, Jail } from '@boxlite/core';
import { selfIdentity } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reconciledRecord } from '../src/box/reconcile.js';
import { settleEnd } from '../src/box/settle-end.js';
import { type TestHome, testHome } from './support/test-home.js';

const ID = 'someBox11111' as BoxId;
const self = selfIdentity();
const LIVING = `supervisor ${self.pid} ${self.startTime}\nvmm ${self.pid} ${self.startTime}\n`;
const CLEAN = { kind: 'Clean', reason: 'guest' } as const;
const CRASH = { kind: 'Error', code: 1, message: 'no disk', stderrTail: '' } as const;

let home: TestHome;
beforeEach(async () => {
  home = await testHome();
});
afterEach(() => home[Symbol.asyncDispose]());

describe('putting a record right', () => {
  it('leaves alone what another process has changed since it was read', async () => {
    const box = await home.plant(ID, { status: 'running', vmm: { pid: 1, startTime: 1 } });
    const { boxes } = home.store;
    // Between the look at the processes and the write, the box is started again.
    const racing = {
      store: {
        ...home.store,
        boxes: {
          ...boxes,
          async update(id: BoxId, change: Parameters<typeof boxes.update>[1]) {
            await boxes.update(id, (state) => ({ ...state, vmm: { pid: 2, startTime: 2 }, updatedAt: 2 }));
            return boxes.update(id, change);
          },
        },
      },
    };
    const record = await reconciledRecord(racing, ID, box);
    expect(record?.state).toMatchObject({ status: 'running', vmm: { pid: 2, startTime: 2 } });
    expect(await home.status(ID)).toBe('running');
  });

  it('finds nothing for a box that is removed meanwhile', async () => {
    const box = await home.plant(ID, { status: 'running' });
    const { boxes } = home.store;
    const racing = {
      store: {
        ...home.store,
        boxes: {
          ...boxes,
          async update(id: BoxId, change: Parameters<typeof boxes.update>[1]) {
            await boxes.delete(id);
            return boxes.update(id, change);
          },
        },
      },
    };
    expect(await reconciledRecord(racing, ID, box)).toBeUndefined();
    await box.cleanup();
  });

  it('does not write for a box that runs, or claims nothing', async () => {
    const box = await home.plant(ID, { status: 'running', updatedAt: 7 });
    await writeFile(box.pidFile, LIVING);
    expect((await reconciledRecord(home.services, ID, box))?.state).toMatchObject({ status: 'running', updatedAt: 7 });
  });
});

describe('recording the end that was watched', () => {
  it('marks the box stopped, or failed with the message', async () => {
    const box = await home.plant(ID, { status: 'running' });
    await settleEnd(home.services, ID, box, CRASH);
    expect((await home.store.boxes.get(ID))?.state).toMatchObject({ status: 'failed', errorReason: 'no disk' });
  });

  it('does nothing when the box runs again by then, or a stop is about to record it', async () => {
    const box = await home.plant(ID, { status: 'running' });
    await writeFile(box.pidFile, LIVING);
    await settleEnd(home.services, ID, box, CRASH);
    expect(await home.status(ID)).toBe('running');
    await home.store.boxes.update(ID, (state) => ({ ...state, status: 'stopping' }));
    await writeFile(box.pidFile, '');
    await settleEnd(home.services, ID, box, CRASH);
    expect(await home.status(ID)).toBe('stopping');
  });

  it('removes a box that removes itself, unless somebody is at work on it, or it crashed', async () => {
    const box = await home.plant(ID, { status: 'running' }, { autoRemove: true });
    const lease = await home.store.leases.acquire(`box:${ID}`, 'start');
    await settleEnd(home.services, ID, box, CLEAN);
    expect(await home.status(ID)).toBe('running');
    await lease.release();
    await settleEnd(home.services, ID, box, CLEAN);
    expect(await home.status(ID)).toBeUndefined();

    const other = 'otherBox1111' as BoxId;
    await settleEnd(home.services, other, await home.plant(other, { status: 'running' }, { autoRemove: true }), CRASH);
    expect(await home.status(other)).toBe('failed');
  });

  it('takes the jail down that this process made, unless the box runs again by then or somebody is at work on it', async () => {
    const box = await home.plant(ID, { status: 'running' });
    const released: string[] = [];
    const live = { jail: { release: async () => void released.push('jail') } as unknown as Jail };
    await writeFile(box.pidFile, LIVING);
    await settleEnd(home.services, ID, box, CLEAN, live);
    await writeFile(box.pidFile, '');
    const lease = await home.store.leases.acquire(`box:${ID}`, 'start');
    await settleEnd(home.services, ID, box, CLEAN, live);
    expect(released).toEqual([]);
    await lease.release();
    await settleEnd(home.services, ID, box, CLEAN, live);
    expect(released).toEqual(['jail']);

    const failing = { jail: { release: () => Promise.reject(new Error('busy')) } as unknown as Jail };
    await settleEnd(home.services, ID, box, CLEAN, failing);
    expect(home.log).toEqual(['the jail of the box could not be taken down']);
  });

  it('never throws: the store may be closed by then', async () => {
    const box = await home.plant(ID, { status: 'running' });
    const closed = { ...home.services, store: { boxes: { get: () => Promise.reject(new Error('closed')) } } };
    await settleEnd(closed as never, ID, box, CLEAN);
    expect(home.log).toEqual(['the end of the box could not be recorded']);
  });
});
