import assert from 'node:assert/strict';
import { open, readdir, stat, truncate, writeFile } from 'node:fs/promises';
import type { RuledCases } from '../define-cases.js';
import { rejectsWith } from '../rejects-with.js';
import { trojanDisk } from '../trojan-disk.js';
import { BASE_TEXT, type DiskStoreContext, standsAlone } from './disk-store-context.js';
import { readGuestStart } from './read-disk.js';

/** Field of a qcow2 header that no reader of a backing path needs: where the reference counts are (qcow2 specification, "Header"). */
const REFCOUNT_TABLE_OFFSET = 48;
const BACKING_NAME_LENGTH = 16;
const L1_ENTRIES = 36;

/** What is in disks, and what hostile headers do. */
export const contentCases: RuledCases<DiskStoreContext> = {
  '`createChild` writes a new overlay of `base` at `path`, durable (fsynced) when it resolves, nothing left when it throws':
    {
      'a guest reads of a new child what the base holds': async ({ store, base, path }) => {
        const first = await store.createChild(path('first'), base);
        const second = await store.createChild(path('second'), first);
        for (const disk of [first, second]) {
          assert.equal(await startOf(await store.chain(disk.path, disk.format)), BASE_TEXT);
        }
      },
      'a raw base that begins like a qcow2 image is not looked into': async ({ store, base, path }) => {
        await writeFile(base.path, trojanDisk('/nonexistent/host-file'));
        const child = await store.createChild(path('disk'), base);
        assert.equal(child.virtualSize, (await stat(base.path)).size);
        const chain = await store.chain(child.path, child.format);
        assert.deepEqual(
          chain.map((layer) => [layer.path, layer.format]),
          [[child.path, child.format], ...(standsAlone(child) ? [] : [[base.path, 'raw']])],
        );
      },
    },
  'bytes; default and minimum: the size of the base': {
    'createChild refuses sizes that are none': async ({ store, base, path, directory }) => {
      for (const virtualSize of [-1, 0, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await rejectsWith(store.createChild(path('disk'), base, { virtualSize }), 'invalid_argument', 'virtualSize');
      }
      assert.deepEqual(await readdir(directory), []);
    },
  },
  'malformed headers are `disk_invalid` with the field': {
    'a header that is cut short throws disk_invalid': async ({ store, base, path }) => {
      const child = await store.createChild(path('disk'), base);
      if (standsAlone(child)) return;
      for (const bytes of [60, 20, 4]) {
        await truncate(child.path, bytes);
        await rejectsWith(store.chain(child.path, child.format), 'disk_invalid');
        await rejectsWith(store.backingPath(child.path), 'disk_invalid');
      }
    },
    'a qcow2 header whose backing name has no end throws disk_invalid naming a field': async ({
      store,
      base,
      path,
    }) => {
      const child = await store.createChild(path('disk'), base);
      if (child.format !== 'qcow2') return;
      await overwrite(child.path, BACKING_NAME_LENGTH, [0xff, 0xff, 0xff, 0xff]);
      for (const attempt of [() => store.chain(child.path, 'qcow2'), () => store.backingPath(child.path)]) {
        assert.equal(typeof (await rejectsWith(attempt(), 'disk_invalid')).details.field, 'string');
      }
    },
    'a qcow2 header that announces a table of 32 GB throws disk_invalid naming a field': async ({
      store,
      base,
      path,
    }) => {
      const child = await store.createChild(path('disk'), base);
      if (child.format !== 'qcow2') return;
      await overwrite(child.path, L1_ENTRIES, [0xff, 0xff, 0xff, 0xff]);
      const error = await rejectsWith(store.chain(child.path, 'qcow2'), 'disk_invalid');
      assert.equal(typeof error.details.field, 'string');
    },
  },
  '`backingPath` reads nothing but magic, version, offset and length (garbage collection must not depend on a sound disk)':
    {
      'backingPath names the base of a disk whose other fields are nonsense': async ({ store, base, path }) => {
        const child = await store.createChild(path('disk'), base);
        if (child.format !== 'qcow2') return;
        await overwrite(child.path, REFCOUNT_TABLE_OFFSET, [0, 0, 0, 0, 0, 0, 0, 1]);
        assert.equal(await store.backingPath(child.path), base.path);
      },
    },
  'undefined for a disk without one': {
    'backingPath of a qcow2 disk that stands alone is undefined': async ({ store, path }) => {
      const alone = trojanDisk('');
      await writeFile(path('alone'), alone);
      await overwrite(path('alone'), 8, Array(12).fill(0));
      assert.equal(await store.backingPath(path('alone')), undefined);
    },
  },
  '`errors` is empty for a sound one': {
    'check finds a disk damaged whose reference counts are nowhere': async ({ store, base, path }) => {
      const child = await store.createChild(path('disk'), base);
      if (store.check === undefined || child.format !== 'qcow2') return;
      await overwrite(child.path, REFCOUNT_TABLE_OFFSET, [0, 0, 0, 0, 0x7f, 0xff, 0, 0]);
      const [outcome] = await Promise.allSettled([store.check(child.path)]);
      if (outcome.status === 'fulfilled') assert.notDeepEqual(outcome.value.errors, [], 'nothing was found');
      else await rejectsWith(Promise.reject(outcome.reason), 'disk_invalid');
    },
  },
  'Writes the whole chain into one standalone sparse disk at `target`': {
    'a guest reads of the flat disk what the chain holds': async ({ store, base, path }) => {
      if (store.flatten === undefined) return;
      const child = await store.createChild(path('disk'), base);
      const flat = await store.flatten(child.path, path('flat'));
      assert.equal((await startOf([flat])) ?? BASE_TEXT, BASE_TEXT);
      assert.ok((await stat(flat.path)).blocks * 512 < flat.virtualSize / 2, 'the flat disk is not sparse');
    },
    'flatten of a chain with a missing file throws and leaves nothing': async ({ store, base, path, directory }) => {
      if (store.flatten === undefined) return;
      const first = await store.createChild(path('first'), base);
      if (standsAlone(await store.createChild(path('second'), first))) return;
      const { rename } = await import('node:fs/promises');
      await rename(first.path, path('moved'));
      await rejectsWith(store.flatten(path('second'), path('flat')), 'disk_chain_invalid');
      assert.deepEqual((await readdir(directory)).sort(), ['moved', 'second']);
    },
  },
};

async function startOf(layers: Parameters<typeof readGuestStart>[0]): Promise<string | undefined> {
  return (await readGuestStart(layers, BASE_TEXT.length))?.toString('utf8');
}

async function overwrite(path: string, position: number, bytes: readonly number[]): Promise<void> {
  await using file = await open(path, 'r+');
  await file.write(Uint8Array.from(bytes), 0, bytes.length, position);
}
