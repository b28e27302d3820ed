import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Breakpoint } from './support/called-process.js';
import { useDiskProcesses } from './support/disk-process.js';

const run = promisify(execFile);

describe('image disks that several processes use', () => {
  const { start, startMany, startFreezing, killFrozen, list } = useDiskProcesses();

  it('are built once by 20 processes that want the same one at once, and nothing is left in tmp/', async () => {
    const all = await startMany(20);
    const disks = await Promise.all(all.map(({ call }) => call.ensure('a')));
    expect(new Set(disks.map(({ path, inode }) => `${path} ${inode}`)).size).toBe(1);
    expect(disks.reduce((sum, { builds }) => sum + builds, 0)).toBe(1);
    expect([await list('tmp'), (await list('images/disk-images')).length]).toEqual([[], 1]);
    await run('e2fsck', ['-fn', disks[0]?.path ?? '']);
  });

  it('are built by the next one when the process that builds is killed', async () => {
    const others = await startMany(3);
    const first = await startFreezing({ call: 'link', path: '/disk-images/' });
    const building = first.call.ensure('a');
    await others[0]?.call.leased('image-disk-build:');
    const disks = Promise.all(others.map(({ call }) => call.ensure('a')));
    await killFrozen(first, building);
    expect((await disks).reduce((sum, { builds }) => sum + builds, 0)).toBe(1);
    expect(await others[0]?.call.sweep()).toBe(1);
    expect(await list('tmp')).toEqual([]);
  });

  it.each<Breakpoint>([
    { call: 'open', path: '/tmp/.*ext4$' },
    { call: 'link', path: '/disk-images/' },
    { call: 'unlink', path: '/tmp/.*ext4$' },
    { call: 'lutimes', path: '/disk-images/' },
    { call: 'link', path: 'disk\\.qcow2$' },
  ])(
    'survive a start that is killed at %o: the next has a whole disk, and what is left can be collected',
    async (at) => {
      const first = await startFreezing(at);
      await killFrozen(first, first.call.makeBox('a', 'box1'));
      const next = await start();
      await next.call.sweep();
      expect(await list('tmp')).toEqual([]);
      await next.call.removeBox('box1');
      await run('e2fsck', ['-fn', await next.call.makeBox('a', 'box1')]);
      expect(await next.call.usage()).toMatchObject([{ boxes: ['box1'], leases: [] }]);
      expect(await next.call.collect({ all: true })).toBe(0);
      await next.call.removeBox('box1');
      expect(await next.call.collect({ all: true })).toBe(1);
      expect([await list('images/disk-images'), await list('tmp')]).toEqual([[], []]);
    },
  );

  it('never go from under a start: 10 processes make boxes while another collects over and over', async () => {
    const letters = ['a', 'b', 'c'];
    const collector = await start();
    const starters = await startMany(10);
    // Each box opens its whole chain once it is made: a base that was collected would be missing there.
    const starting = Promise.all(starters.map(({ call }) => call.makeAndRemove(letters, 12)));
    const [removed] = await Promise.all([
      collector.call.collectUntilTold(),
      starting.finally(() => collector.call.enough()),
    ]);
    expect(removed).toBeGreaterThan(0);
    await collector.call.collect({ all: true });
    expect([await list('images/disk-images'), await list('tmp'), await list('boxes')]).toEqual([[], [], []]);
  });

  it('are removed or whole after a collection that is killed between two of them', async () => {
    const builder = await start();
    const disks = [];
    for (const letter of ['a', 'b', 'c']) disks.push((await builder.call.ensure(letter)).path);
    const collector = await startFreezing({ call: 'rm', path: disks[1] ?? '' });
    await killFrozen(collector, collector.call.collect({ all: true }));
    expect(disks.map((path) => existsSync(path))).toEqual([false, true, true]);
    // The home and the disks are leased by nobody any more.
    expect(await builder.call.makeBox('b', 'box1')).toBe(disks[1]);
    expect(await builder.call.collect({ all: true })).toBe(1);
    expect(await list('images/disk-images')).toHaveLength(1);
  });
});
