import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Breakpoint } from './support/called-process.js';
import { useDiskProcesses } from './support/disk-process.js';

const run = promisify(execFile);

describe('guest rootfs disks that several processes use', () => {
  const { start, startMany, startFreezing, killFrozen, list } = useDiskProcesses();

  it.each([
    ['the skeleton', undefined],
    ['an image', 'a'],
  ])(
    'are made once by 20 processes that want that of %s at once, each of which is recorded as a user',
    async (_what, letter) => {
      const all = await startMany(20);
      const paths = await Promise.all(all.map(({ call }, index) => call.guestRootfs(`box${index}`, letter)));
      expect(new Set(paths).size).toBe(1);
      expect([await list('bases'), await list('tmp')]).toEqual([[expect.stringMatching(/^\w{8}\.ext4$/)], []]);
      await run('e2fsck', ['-fn', paths[0] ?? '']);
      expect(await all[0]?.call.guestRootfsUsage()).toMatchObject([{ isCurrent: true, boxes: { length: 20 } }]);
    },
  );

  it.each<Breakpoint>([
    { call: 'open', path: '/tmp/.*guest-rootfs$' },
    { call: 'rename', path: '/bases/' },
    { call: 'open', path: '/bases$' },
  ])('survive a start that is killed at %o: the next has a whole disk, and the other goes', async (at) => {
    const first = await startFreezing(at);
    await killFrozen(first, first.call.guestRootfs('box1'));
    const next = await start();
    await run('e2fsck', ['-fn', await next.call.guestRootfs('box2')]);
    await next.call.sweep();
    await next.call.collectGuestRootfs();
    expect([(await list('bases')).length, await list('tmp')]).toEqual([1, []]);
  });

  it('never go from under a start: processes with an old agent make boxes while one with the current collects over and over', async () => {
    const collector = await start('current');
    const starters = await startMany(6, 'old');
    // Each looks at its disk once its reference is recorded.
    const starting = Promise.all(starters.map(({ call }) => call.useAndForget(12)));
    const [removed] = await Promise.all([
      collector.call.collectGuestRootfsUntilTold(),
      starting.finally(() => collector.call.enough()),
    ]);
    expect(removed).toBeGreaterThan(0);
    await collector.call.collectGuestRootfs();
    expect([await list('bases'), await list('tmp')]).toEqual([[], []]);
  });

  it('keep file and record in step when a collection is killed between the two', async () => {
    const old = await start('old');
    const path = await old.call.guestRootfs('box1');
    await old.call.forgetBox('box1');
    const collector = await startFreezing({ call: 'rm', path });
    await killFrozen(collector, collector.call.collectGuestRootfs());
    expect(existsSync(path)).toBe(true);
    const next = await start('current');
    expect(await next.call.guestRootfsUsage()).toMatchObject([{ isCurrent: false, boxes: [] }]);
    expect(await next.call.collectGuestRootfs()).toBe(1);
    expect([await list('bases'), await next.call.guestRootfsUsage()]).toEqual([[], []]);
  });

  it('of an old agent are let go of by a box that is started with the current one', async () => {
    const old = await start('old');
    const path = await old.call.guestRootfs('box1');
    const current = await start('current');
    await current.call.startAgain('box1');
    expect(await current.call.collectGuestRootfs()).toBe(1);
    expect(existsSync(path)).toBe(false);
    expect(await current.call.guestRootfsUsage()).toMatchObject([{ isCurrent: true, boxes: ['box1'] }]);
  });
});
