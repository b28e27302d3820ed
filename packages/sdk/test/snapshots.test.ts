import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { afterEach, describe, expect, it } from 'vitest';
import { recoverBox } from '../src/runtime/recovery/recover-box.js';
import { collectDiskBases } from '../src/snapshot/collect-disk-bases.js';
import { recoverSnapshots } from '../src/snapshot/recover-snapshots.js';
import { readSnapshots } from '../src/storage/read-snapshots.js';
import { type SnapshotHome, snapshotHome } from './support/snapshot-home.js';

const open: SnapshotHome[] = [];
afterEach(async () => {
  for (const home of open.splice(0)) await home[Symbol.asyncDispose]();
});

async function homeWith(...arguments_: Parameters<typeof snapshotHome>): Promise<SnapshotHome> {
  const home = await snapshotHome(...arguments_);
  open.push(home);
  return home;
}

/** Everything captures make and only a home without them lacks. */
function leftovers({ layout }: SnapshotHome) {
  const bases = readdirSync(layout.basesDir).filter((name) => !name.endsWith('.ext4'));
  return { bases, staging: readdirSync(layout.tmpDir) };
}
const NOTHING = { bases: [], staging: [] };
function pipeFor(path: string): void {
  rmSync(path);
  execFileSync('mkfifo', [path]);
}
const failing = (message: string) => new BoxliteError('vmm_failed', message);

describe('a snapshot', () => {
  it('holds memory, state and disk of one moment, for its owner alone, while processes stand still', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    const info = await box.snapshot({ name: 'before' });
    expect(info).toMatchObject({ boxId: 'one', name: 'before', memory: true, containerDiskBytes: 2 ** 20 });
    expect(home.machines.events).toEqual(['freeze one', 'snapshot one', 'thaw one']);
    const dir = join(home.layout.box('one').snapshotsDir, info.id);
    expect(readdirSync(dir).sort()).toEqual(['memory', 'state']);
    expect([statSync(dir).mode & 0o777, statSync(join(dir, 'memory')).mode & 0o777]).toEqual([0o700, 0o600]);
    const [base = ''] = leftovers(home).bases;
    expect(statSync(join(home.layout.basesDir, base)).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(home.layout.basesDir, base))).toEqual(readFileSync(home.layout.box('one').containerDisk));
    expect(await box.snapshots()).toEqual([info]);
    expect(await home.status('one')).toBe('running');
  });

  it('of a paused box leaves it paused', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.pause();
    await box.snapshot();
    expect(home.machines.events).toEqual([
      'pause one',
      'resume one',
      'freeze one',
      'snapshot one',
      'thaw one',
      'pause one',
    ]);
    expect(await home.status('one')).toBe('paused');
  });

  it('that fails leaves nothing, and the processes go on', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    home.machines.failCapture = failing('no room');
    await expect(box.snapshot()).rejects.toMatchObject({ message: 'no room' });
    expect(home.machines.events.at(-1)).toBe('thaw one');
    expect([leftovers(home), await box.snapshots()]).toEqual([NOTHING, []]);
  });

  it('has a name of its own within the box, and one that is a name', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.snapshot({ name: 'a' });
    await expect(box.snapshot({ name: 'a' })).rejects.toMatchObject({ code: 'already_exists' });
    await expect(box.snapshot({ name: '../a' })).rejects.toMatchObject({
      code: 'invalid_argument',
      details: { field: 'name' },
    });
    expect(leftovers(home).bases).toHaveLength(1);
  });

  it('of a box with volumes is unsupported, naming them', async () => {
    const home = await homeWith();
    const box = await home.run('one', { volumes: [{ hostPath: '/srv', guestPath: '/data' }] });
    for (const attempt of [() => box.snapshot(), () => box.fork(2)]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('/srv at /data'),
      });
    }
    expect(leftovers(home)).toEqual(NOTHING);
  });

  it('of a disk that names another base than it was made over is refused: the VMM could have written that', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await home.store.boxes.update('one' as never, (state) => ({
      ...state,
      disk: { store: 'qcow2', format: 'qcow2', base: '/other' },
    }));
    await expect(box.snapshot()).rejects.toMatchObject({ code: 'disk_chain_invalid' });
    expect(leftovers(home)).toEqual(NOTHING);
  });

  it('goes with the box, and is told of in the usage of the home until then', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.snapshot({ name: 'a' });
    expect(await readSnapshots(home.services)).toMatchObject([{ name: 'one:a', users: ['one'] }]);
    await box.remove(true);
    expect([leftovers(home), await readSnapshots(home.services)]).toEqual([NOTHING, []]);
  });

  it('can be removed by itself', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.snapshot({ name: 'a' });
    await box.removeSnapshot('a');
    expect([leftovers(home), readdirSync(home.layout.box('one').snapshotsDir)]).toEqual([NOTHING, []]);
    await expect(box.removeSnapshot('a')).rejects.toMatchObject({ code: 'not_found', details: { field: 'snapshot' } });
  });

  it('whose row was never written is swept when the home is opened', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    const { id } = await box.snapshot({ name: 'a' });
    await home.store.snapshots.delete('one' as never, 'a');
    await recoverSnapshots(home.services, 'one' as never);
    await collectDiskBases(home.services);
    expect(existsSync(join(home.layout.box('one').snapshotsDir, id))).toBe(false);
    expect(leftovers(home)).toEqual(NOTHING);
  });

  it('is refused by a hook that throws, before anything is captured', async () => {
    const home = await homeWith({
      onBeforeSnapshot: (_box, { reason }) => {
        throw new Error(`no ${reason} now`);
      },
    });
    const box = await home.run('one');
    await expect(box.snapshot()).rejects.toThrow('no snapshot now');
    await expect(box.fork(1)).rejects.toThrow('no fork now');
    expect(home.machines.events).toEqual([]);
  });
});

describe('going on from a snapshot', () => {
  it('a stopped box is put back to it: disk, memory, and an environment that is its own', async () => {
    const asked: unknown[] = [];
    const home = await homeWith({
      onAfterRestore: (info, about) => {
        asked.push([info.id, about]);
        return { env: { TOKEN: 'new' } };
      },
    });
    const box = await home.run('one', { env: { A: '1' } });
    await box.snapshot({ name: 'a' });
    await expect(box.restore('a')).rejects.toMatchObject({ code: 'invalid_state' });
    await box.stop();
    await box.restore('a');
    const { state } = await home.record('one');
    expect(state).toMatchObject({ status: 'running', startedFrom: 'snapshot' });
    expect(state.disk?.base).toMatch(/bases\/[A-Za-z0-9]{8}\.qcow2$/);
    expect(state.nextDisk).toBeUndefined();
    expect(asked).toEqual([['one', { reason: 'restore', parent: 'one', snapshot: 'a' }]]);
    expect(home.machines.renewals).toMatchObject([{ env: ['PATH=/bin', 'A=1', 'TOKEN=new'] }]);
  });

  it('another box is made from it, which stays when the first is removed', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.snapshot({ name: 'a' });
    const child = await box.restoreNew('a', { name: 'two' });
    expect(await child.info()).toMatchObject({
      name: 'two',
      running: true,
      pooled: false,
      parent: { boxId: 'one', snapshot: 'a' },
    });
    await box.remove(true);
    expect(leftovers(home).bases).toHaveLength(1);
    expect(await readSnapshots(home.services)).toMatchObject([{ name: 'disk of a snapshot of one', users: ['two'] }]);
    await child.remove(true);
    expect(leftovers(home)).toEqual(NOTHING);
  });

  it('that does not fit the VMM of today is refused with a remedy, and nothing is changed', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.snapshot({ name: 'a' });
    await box.stop();
    const before = await home.record('one');
    home.machines.key = 'of a newer one';
    for (const attempt of [() => box.restore('a'), () => box.restoreNew('a', {})]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'snapshot_invalid',
        hint: expect.stringContaining('snapshot rm one a'),
      });
    }
    expect(await home.record('one')).toEqual(before);
  });

  const damages: [string, RegExp, (file: string) => void][] = [
    [
      'memory that was written to',
      /its memory was written to/,
      (file) => writeFileSync(join(file, 'memory'), 'MEMORY'),
    ],
    [
      'memory that was cut short',
      /its memory has 3 bytes instead of 6/,
      (file) => truncateSync(join(file, 'memory'), 3),
    ],
    [
      'a state that was written to',
      /its state has another content/,
      (file) => writeFileSync(join(file, 'state'), 'STATE'),
    ],
    ['a pipe for a memory', /its memory is no regular file/, (file) => pipeFor(join(file, 'memory'))],
    ['no memory any more', /its memory is gone/, (file) => rmSync(join(file, 'memory'))],
  ];
  it.each(damages)(
    'with %s is refused, the disk of the box is left as it is, and it can be started',
    async (_what, why, damage) => {
      const home = await homeWith();
      const box = await home.run('one');
      const { id } = await box.snapshot({ name: 'a' });
      await box.stop();
      const before = await home.record('one');
      const disk = statSync(home.layout.box('one').containerDisk, { bigint: true });
      damage(join(home.layout.box('one').snapshotsDir, id));
      for (const attempt of [() => box.restore('a'), () => box.restoreNew('a', {})]) {
        await expect(attempt()).rejects.toMatchObject({
          code: 'snapshot_invalid',
          message: expect.stringMatching(why),
          hint: expect.stringContaining('the box itself can be started as it is'),
          details: { field: 'snapshot', snapshot: 'a', problem: expect.stringMatching(why) },
        });
      }
      expect(await home.record('one')).toEqual(before);
      const { ino, mtimeNs } = statSync(home.layout.box('one').containerDisk, { bigint: true });
      expect([ino, mtimeNs]).toEqual([disk.ino, disk.mtimeNs]);
      expect(await box.snapshots({ verify: true })).toMatchObject([{ name: 'a', problem: expect.stringMatching(why) }]);
    },
  );

  it('of a home that was copied goes on all the same: its files are read whole, and are what they were', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    const { id } = await box.snapshot({ name: 'a' });
    await box.stop();
    const memory = join(home.layout.box('one').snapshotsDir, id, 'memory');
    copyFileSync(memory, `${memory}.copy`);
    renameSync(`${memory}.copy`, memory);
    expect(await box.snapshots({ verify: true })).toMatchObject([{ name: 'a', problem: null }]);
    await box.restore('a');
    expect((await home.record('one')).state).toMatchObject({ status: 'running', startedFrom: 'snapshot' });
  });

  it('taken by a BoxLite that recorded nothing of its files is gone on from as before', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.snapshot({ name: 'a' });
    const [{ files, ...earlier } = {}] = await home.store.snapshots.list('one' as never);
    expect(files).toMatchObject({ memory: { bytes: 6 }, state: { bytes: 5 } });
    await home.store.snapshots.delete('one' as never, 'a');
    await home.store.snapshots.insert(earlier as never);
    await box.stop();
    await box.restore('a');
    expect(await box.snapshots({ verify: true })).toMatchObject([{ problem: null }]);
  });

  it('cut short while the disk is put back, it is ended by the next start', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    await box.snapshot({ name: 'a' });
    await box.stop();
    home.machines.failRestore = () => failing('cut short');
    await expect(box.restore('a')).rejects.toMatchObject({ message: 'cut short' });
    const { state } = await home.record('one');
    expect([state.status, state.nextDisk, state.disk?.base?.includes('/bases/')]).toEqual(['failed', undefined, true]);
  });
});

describe('a fork', () => {
  it('makes boxes that go on: named after their parent, with disks over one base, and no memory file left', async () => {
    const home = await homeWith();
    const box = await home.run('one', { name: 'web', hostname: 'h' });
    const children = await box.fork(3);
    expect(children.map(({ name }) => name)).toEqual(['web-1', 'web-2', 'web-3']);
    const records = await Promise.all(children.map(({ id }) => home.record(id)));
    expect(new Set(records.map(({ state }) => state.disk?.base)).size).toBe(1);
    expect(records[0]).toMatchObject({
      config: { parent: { boxId: 'one' }, options: { hostname: 'h', name: 'web-1' } },
      state: { status: 'running', startedFrom: 'fork' },
    });
    expect(leftovers(home)).toMatchObject({ bases: [expect.stringMatching(/\.qcow2$/)], staging: [] });
    expect(home.machines.events.slice(0, 3)).toEqual(['freeze one', 'fork one', 'thaw one']);
    expect(await home.status('one')).toBe('running');
    for (const child of children) await child.remove(true);
    expect(leftovers(home)).toEqual(NOTHING);
  });

  it('of which one child fails leaves none, and the error names it', async () => {
    const home = await homeWith();
    const box = await home.run('one', { name: 'web' });
    home.machines.failRestore = (count) => (count === 3 ? failing('out of memory') : undefined);
    await expect(box.fork(5)).rejects.toMatchObject({
      code: 'vmm_failed',
      message: expect.stringMatching(/^fork web-\d of box web: out of memory$/),
    });
    expect((await home.store.boxes.list()).map(({ config }) => config.id)).toEqual(['one']);
    expect(leftovers(home)).toEqual(NOTHING);
    expect(await home.status('one')).toBe('running');
  });

  it('whose guest cannot be renewed leaves none: nothing runs with the entropy of another', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    home.machines.failRenew = new BoxliteError('resource_exhausted', 'no renewal');
    await expect(box.fork(2)).rejects.toMatchObject({ message: expect.stringContaining('no renewal') });
    expect(await home.store.boxes.list()).toHaveLength(1);
    expect(leftovers(home)).toEqual(NOTHING);
  });

  it('that is aborted leaves none', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    const controller = new AbortController();
    home.machines.failRestore = () => {
      controller.abort();
      return failing('late');
    };
    await expect(box.fork(2, { signal: controller.signal })).rejects.toBeInstanceOf(BoxliteError);
    expect(await home.store.boxes.list()).toHaveLength(1);
    expect(leftovers(home)).toEqual(NOTHING);
  });

  it('whose process was killed leaves no box when the home is opened next, not even one that runs detached', async () => {
    const home = await homeWith();
    const box = await home.run('one');
    const [child] = await box.fork(1, { detach: true });
    if (child === undefined) throw new Error('no child');
    await home.store.boxes.update(child.id, (state) => ({ ...state, pooled: true }));
    const owners = new Set([`box-owner:${child.id}`]);
    await recoverBox(home.services, await home.record(child.id), owners);
    expect((await child.info()).running).toBe(true);
    await recoverBox(home.services, await home.record(child.id), new Set());
    await recoverBox(home.services, await home.record('one'), new Set());
    expect((await home.store.boxes.list()).map(({ config }) => config.id)).toEqual(['one']);
    expect(await home.status('one')).toBe('running');
    expect(leftovers(home)).toEqual(NOTHING);
  });

  it.each([
    [0, {}, 'count'],
    [65, {}, 'count'],
    [2, { names: ['a'] }, 'names'],
    [2, { names: ['a', 'a'] }, 'names'],
    [1, { name: '/' }, 'name'],
    [2, { name: 'x'.repeat(127) }, 'name'],
    [1, { detach: true, autoRemove: true }, 'autoRemove'],
  ])('%j with %j is refused, naming %s', async (count, options, field) => {
    const home = await homeWith();
    const box = await home.run('one');
    await expect(box.fork(count, options)).rejects.toMatchObject({ code: 'invalid_argument', details: { field } });
  });

  it('for a name that is taken is refused before anything is captured', async () => {
    const home = await homeWith();
    await home.plant('other', { status: 'stopped' }, {});
    const box = await home.run('one', { name: 'web' });
    await (await box.fork(1)).at(0)?.stop();
    home.machines.events.length = 0;
    await expect(box.fork(1)).rejects.toMatchObject({ code: 'already_exists' });
    expect(home.machines.events).toEqual([]);
  });
});
