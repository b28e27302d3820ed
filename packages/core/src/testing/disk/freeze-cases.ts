import assert from 'node:assert/strict';
import { link, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import type { DiskLayer } from '../../contracts/disk-store.js';
import type { RuledCases } from '../define-cases.js';
import { rejectsWith } from '../rejects-with.js';
import { BASE_TEXT, type DiskStoreContext, standsAlone } from './disk-store-context.js';
import { readGuestStart } from './read-disk.js';

/** Snapshots and clones, and bases that move. A store without the ability shows nothing. */
export const freezeCases: RuledCases<DiskStoreContext> = {
  '`freeze` makes what a disk holds an immutable base at `base`, which must not exist, and the disk goes on at `path` as a child of it':
    {
      'freeze leaves a base and a disk that hold what the disk held': async ({ store, base, path, directory }) => {
        if (store.freeze === undefined) return;
        const disk = await store.createChild(path('disk'), base);
        const frozen = await store.freeze(disk.path, path('frozen'));
        assert.deepEqual(
          [frozen.base.path, frozen.child.path, frozen.base.virtualSize, frozen.child.virtualSize],
          [path('frozen'), disk.path, disk.virtualSize, disk.virtualSize],
        );
        for (const layer of [frozen.base, frozen.child]) assert.equal(await startOf(store, layer), BASE_TEXT);
        assert.equal((await stat(frozen.base.path)).mode & 0o777, 0o600);
        assert.deepEqual((await readdir(directory)).sort(), ['disk', 'frozen']);
      },
      'freeze leaves two files, so that what is written to the disk later is not in the base': async (given) => {
        const { store, base, path } = given;
        if (store.freeze === undefined) return;
        const disk = await store.createChild(path('disk'), base);
        const { base: frozen, child } = await store.freeze(disk.path, path('frozen'));
        const [one, other] = await Promise.all([stat(frozen.path), stat(child.path)]);
        assert.notEqual(one.ino, other.ino);
        const before = await readFile(frozen.path);
        await overwriteEnd(child.path);
        assert.ok((await readFile(frozen.path)).equals(before), 'the base has changed with the disk');
      },
      'children are made over a frozen base as over any other': async ({ store, base, path }) => {
        if (store.freeze === undefined) return;
        const disk = await store.createChild(path('disk'), base);
        const { base: frozen, child } = await store.freeze(disk.path, path('frozen'));
        const clone = await store.createChild(path('clone'), frozen);
        assert.equal(await startOf(store, clone), BASE_TEXT);
        if (standsAlone(child)) return;
        assert.equal(await store.backingPath(child.path), frozen.path);
        assert.equal(await store.backingPath(clone.path), frozen.path);
      },
      'freeze with flat leaves a base that needs no other file': async ({ store, base, path }) => {
        if (store.freeze === undefined) return;
        const disk = await store.createChild(path('disk'), base);
        const { base: frozen, child } = await store.freeze(disk.path, path('frozen'), { flat: true });
        assert.deepEqual(await store.chain(frozen.path, frozen.format), [frozen]);
        await rename(base.path, `${base.path}.moved`);
        assert.equal(await startOf(store, child), BASE_TEXT);
      },
      'freeze never takes the place of another file': async ({ store, base, path }) => {
        if (store.freeze === undefined) return;
        const disk = await store.createChild(path('disk'), base);
        const { ino } = await stat(disk.path);
        await writeFile(path('frozen'), 'mine');
        for (const flat of [false, true]) {
          await rejectsWith(store.freeze(disk.path, path('frozen'), { flat }), 'already_exists');
        }
        assert.equal(await readFile(path('frozen'), 'utf8'), 'mine');
        assert.equal((await stat(disk.path)).ino, ino);
      },
      'freeze of a missing disk throws not_found and leaves nothing': async ({ store, path, directory }) => {
        if (store.freeze === undefined) return;
        await rejectsWith(store.freeze(path('gone'), path('frozen')), 'not_found');
        assert.deepEqual(await readdir(directory), []);
      },
    },
  'Makes a disk name another file as its base, at one blow': {
    'rebase lets a disk follow a base that has moved': async ({ store, base, path }) => {
      if (store.rebase === undefined) return;
      const disk = await store.createChild(path('disk'), base);
      if (standsAlone(disk)) return;
      await rename(base.path, `${base.path}.moved`);
      await store.rebase(disk.path, { ...base, path: `${base.path}.moved` });
      assert.equal(await store.backingPath(disk.path), `${base.path}.moved`);
      assert.equal(await startOf(store, disk), BASE_TEXT);
    },
    'rebase to a file that is not there, or over the disk itself, changes nothing': async ({ store, base, path }) => {
      if (store.rebase === undefined) return;
      const disk = await store.createChild(path('disk'), base);
      if (standsAlone(disk)) return;
      await rejectsWith(store.rebase(disk.path, { ...base, path: `${base.path}.gone` }), 'not_found');
      await link(disk.path, path('other-name'));
      await rejectsWith(store.rebase(disk.path, { ...disk, path: path('other-name') }), 'disk_chain_invalid');
      assert.equal(await store.backingPath(disk.path), base.path);
    },
  },
};

async function startOf(store: DiskStoreContext['store'], layer: DiskLayer): Promise<string | undefined> {
  const bytes = await readGuestStart(await store.chain(layer.path, layer.format), BASE_TEXT.length);
  return bytes?.toString('utf8');
}

/** The last byte of a file, whatever it means: it is the disk's own. */
async function overwriteEnd(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  const { size } = await file.stat();
  await file.write(Buffer.of(1), 0, 1, size - 1);
}
