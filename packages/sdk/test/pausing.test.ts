import { afterEach, describe, expect, it } from 'vitest';
import { patience } from '../../../test/support/patience.js';
import { type SnapshotHome, snapshotHome } from './support/snapshot-home.js';

/** For what happens by itself: a disk that is busy makes each record of it wait. */
const WAITING = { timeout: patience(20_000) };

const open: SnapshotHome[] = [];
afterEach(async () => {
  for (const home of open.splice(0)) await home[Symbol.asyncDispose]();
});

async function homeWith(): Promise<SnapshotHome> {
  const home = await snapshotHome();
  open.push(home);
  return home;
}

describe('pausing', () => {
  it('is recorded, and resuming ends it; both do nothing a second time', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.pause();
    await box.pause();
    expect([await home.status('one'), home.machines.events]).toEqual(['paused', ['pause one']]);
    await box.resume();
    expect([await home.status('one'), home.machines.events.at(-1)]).toEqual(['running', 'resume one']);
  });

  it('is ended by the next start', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.pause();
    await box.start();
    expect(await home.status('one')).toBe('running');
  });

  it('a paused box can be stopped, in good order', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.pause();
    await box.stop();
    expect([await home.status('one'), home.machines.events]).toEqual(['stopped', ['pause one', 'resume one']]);
  });

  it('on a VMM that cannot is unsupported, and the error names one that can', async () => {
    const home = await homeWith();
    home.machines.isPlain = true;
    const box = await home.run('one');
    for (const attempt of [() => box.pause(), () => box.snapshot(), () => box.fork(1)]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'unsupported',
        hint: expect.stringContaining('--vmm fake'),
      });
    }
    expect(await home.status('one')).toBe('running');
  });

  it('of a box that does not run is refused', async () => {
    const home = await homeWith();
    await home.plant('one', { status: 'stopped' });
    await expect((await home.handle('one')).pause()).rejects.toMatchObject({ code: 'invalid_state' });
  });
});

describe('auto-pause', () => {
  it('pauses a box that nobody has used for a while, and the next use lets it go on', async () => {
    const home = await homeWith();
    const box = await home.run('one', { autoPauseMs: 20 });
    await box.start();
    await expect.poll(() => home.machines.events, WAITING).toEqual(['pause one']);
    await box.start();
    // It may be idle, and paused, again by now.
    expect(home.machines.events.slice(0, 2)).toEqual(['pause one', 'resume one']);
    await expect.poll(() => home.machines.events, WAITING).toEqual(['pause one', 'resume one', 'pause one']);
    await expect.poll(() => home.status('one'), WAITING).toBe('paused');
  });

  it('pauses no box another process uses', async () => {
    const home = await homeWith();
    const box = await home.run('one', { autoPauseMs: 20 });
    const use = await home.store.leases.acquire('box-use:one', 'use', { shared: true });
    await box.start();
    // One that is idle longer before it is paused, and used by nobody.
    const idle = await home.run('two', { autoPauseMs: 100 });
    await idle.start();
    await expect.poll(() => home.status('two'), WAITING).toBe('paused');
    expect(await home.status('one')).toBe('running');
    await use.release();
  });
});
