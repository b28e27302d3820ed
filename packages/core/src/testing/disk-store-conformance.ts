import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rename, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskBase, DiskLayer } from '../contracts/disk-store.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import type { ErrorCode } from '../errors/error-code.js';
import type { ConformanceCase } from './conformance-case.js';
import { defineCases, mergeCases, type RuledCases } from './define-cases.js';
import { contentCases } from './disk/content-cases.js';
import { BASE_TEXT, type DiskStoreContext, type DiskStoreSetup, standsAlone } from './disk/disk-store-context.js';
import { freezeCases } from './disk/freeze-cases.js';
import { trojanDisk } from './trojan-disk.js';

const BASE_BYTES = 8 * 2 ** 20;
/** No chain may be deeper than this, whatever the implementation's own limit. */
const DEPTH_NOBODY_NEEDS = 64;

/**
 * What every {@link DiskStore} does.
 * @param setup called once a case; the caller removes the directories afterwards
 */
export function diskStoreConformance(setup: () => Promise<DiskStoreSetup>): ConformanceCase[] {
  return defineCases<DiskStoreContext>(
    {
      contract: 'DiskStore',
      around: async (check) => {
        const { store, directory } = await setup();
        const bases = join(directory, 'bases');
        await mkdir(bases);
        const base: DiskBase = { path: join(bases, 'base.ext4'), format: 'raw' };
        await writeFile(base.path, BASE_TEXT);
        await truncate(base.path, BASE_BYTES);
        const disks = join(directory, 'disks');
        await mkdir(disks);
        await check({ store, directory: disks, base, path: (disk) => join(disks, disk) });
      },
    },
    mergeCases(createCases, chainCases, hostileCases, optionalCases, contentCases, freezeCases),
  );
}

const createCases: RuledCases<DiskStoreContext> = {
  '`createChild` writes a new overlay of `base` at `path`, durable (fsynced) when it resolves, nothing left when it throws':
    {
      'createChild makes a disk of the size of its base': async ({ store, base, path }) => {
        const child = await store.createChild(path('disk'), base);
        assert.equal(child.virtualSize, BASE_BYTES);
        assert.equal(child.path, path('disk'));
        assert.equal(child.format, store.format ?? 'qcow2');
        const below = standsAlone(child) ? [] : [layerOf(base)];
        assert.deepEqual(await store.chain(path('disk'), child.format), [child, ...below]);
      },
      'createChild without its base throws not_found and leaves nothing': async ({ store, base, path, directory }) => {
        await failure('not_found', store.createChild(path('disk'), { ...base, path: `${base.path}.gone` }));
        assert.deepEqual(await readdir(directory), []);
      },
    },
  'bytes; default and minimum: the size of the base': {
    'createChild makes a disk larger than its base when asked to': async ({ store, base, path }) => {
      const child = await store.createChild(path('disk'), base, { virtualSize: 2 * BASE_BYTES });
      assert.equal(child.virtualSize, 2 * BASE_BYTES);
      assert.equal((await store.chain(path('disk'), child.format))[0]?.virtualSize, 2 * BASE_BYTES);
    },
    'createChild refuses a disk smaller than its base and leaves nothing': async ({ store, base, path, directory }) => {
      const thrown = await failure('invalid_argument', store.createChild(path('disk'), base, { virtualSize: 512 }));
      assert.equal(thrown.details.field, 'virtualSize');
      assert.deepEqual(await readdir(directory), []);
    },
  },
  'the path must not exist': {
    'createChild never replaces a file': async ({ store, base, path, directory }) => {
      await writeFile(path('disk'), 'mine');
      await failure('already_exists', store.createChild(path('disk'), base));
      assert.equal(await readFile(path('disk'), 'utf8'), 'mine');
      assert.deepEqual(await readdir(directory), ['disk']);
    },
    'createChild called many times at once for one path succeeds once': async ({ store, base, path, directory }) => {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => store.createChild(path('disk'), base)));
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
      assert.deepEqual(await readdir(directory), ['disk']);
    },
  },
  "what is made is its owner's alone (0600)": {
    'createChild makes files only their owner can read or write': async ({ store, base, path }) => {
      await store.createChild(path('disk'), base);
      assert.equal((await stat(path('disk'))).mode & 0o777, 0o600);
    },
  },
  'A base is never changed': {
    'createChild does not change its base': async ({ store, base, path }) => {
      const before = await stat(base.path);
      await store.createChild(path('disk'), base);
      const after = await stat(base.path);
      assert.deepEqual([after.mtimeMs, after.size, after.mode], [before.mtimeMs, before.size, before.mode]);
    },
  },
};

const chainCases: RuledCases<DiskStoreContext> = {
  'One file of a backing chain, the overlay first': {
    'chain names every file, the overlay first': async ({ store, base, path }) => {
      const first = await store.createChild(path('first'), base);
      const second = await store.createChild(path('second'), first);
      const below = standsAlone(second) ? [] : [first, layerOf(base)];
      assert.deepEqual(await store.chain(second.path, second.format), [second, ...below]);
    },
    'chain of a raw disk is the disk alone': async ({ store, base }) => {
      assert.deepEqual(await store.chain(base.path, 'raw'), [layerOf(base)]);
    },
    'chain of a missing disk throws not_found': async ({ store, path }) => {
      await failure('not_found', store.chain(path('gone')));
    },
  },
  '`chain` reads headers only, bounded in depth, refusing loops (`disk_chain_invalid`)': {
    'chain refuses a chain with a missing file': async ({ store, base, path }) => {
      const child = await store.createChild(path('disk'), base);
      await rename(base.path, `${base.path}.moved`);
      if (standsAlone(child)) return assert.deepEqual(await store.chain(child.path, child.format), [child]);
      await failure('disk_chain_invalid', store.chain(child.path, child.format));
    },
    'chain refuses a loop': async ({ store, base, path }) => {
      const first = await store.createChild(path('first'), base);
      const second = await store.createChild(path('second'), first);
      if (standsAlone(second)) return;
      await rename(second.path, first.path);
      await failure('disk_chain_invalid', store.chain(first.path, first.format));
    },
    'a chain that would be too deep is refused when the child is made, and nothing is left': async (given) => {
      const { store, base, path, directory } = given;
      let below: DiskBase = base;
      for (let depth = 2; depth <= DEPTH_NOBODY_NEEDS; depth++) {
        const outcome = await settle(store.createChild(path(`disk-${depth}`), below));
        if (outcome instanceof Error) {
          assert.equal(codeOf(outcome), 'disk_chain_invalid');
          assert.equal((await readdir(directory)).length, depth - 2);
          return;
        }
        if (standsAlone(outcome)) return;
        below = outcome;
      }
      assert.fail(`a chain of ${DEPTH_NOBODY_NEEDS} files was made`);
    },
  },
  '`backingPath` reads nothing but magic, version, offset and length (garbage collection must not depend on a sound disk)':
    {
      'backingPath names the file a disk was made over': async ({ store, base, path }) => {
        const child = await store.createChild(path('disk'), base);
        const backing = await store.backingPath(path('disk'));
        if (standsAlone(child)) return assert.equal(backing, undefined);
        assert.ok(backing !== undefined, 'a child has no backing file');
        assert.equal((await stat(backing)).ino, (await stat(base.path)).ino);
      },
      'backingPath still names a backing file that is missing': async ({ store, base, path }) => {
        const child = await store.createChild(path('disk'), base);
        await rename(base.path, `${base.path}.moved`);
        assert.equal(await store.backingPath(path('disk')), standsAlone(child) ? undefined : base.path);
      },
    },
};

const hostileCases: RuledCases<DiskStoreContext> = {
  'malformed headers are `disk_invalid` with the field': {
    'a file that is no disk throws disk_invalid naming a field': async ({ store, path }) => {
      if (store.format === 'raw') return;
      await writeFile(path('disk'), 'this is not a disk'.repeat(1000));
      for (const attempt of [() => store.chain(path('disk')), () => store.backingPath(path('disk'))]) {
        const thrown = await failure('disk_invalid', attempt());
        assert.equal(typeof thrown.details.field, 'string');
      }
    },
    'an empty file throws disk_invalid': async ({ store, path }) => {
      await writeFile(path('disk'), '');
      await failure('disk_invalid', store.chain(path('disk')));
      await failure('disk_invalid', store.chain(path('disk'), 'raw'));
      await failure('disk_invalid', store.backingPath(path('disk')));
    },
    'a raw disk that begins like a qcow2 image has no backing file': async ({ store, path }) => {
      await writeFile(path('disk'), trojanDisk('/nonexistent/host-file'));
      assert.equal((await store.chain(path('disk'), 'raw')).length, 1);
      if (store.format === 'raw') assert.equal(await store.backingPath(path('disk')), undefined);
    },
  },
  'A disk is a regular file named by an absolute path; a symbolic link in its place is not followed': {
    'a symbolic link in the place of a disk is not followed': async ({ store, base, path }) => {
      const child = await store.createChild(path('disk'), base);
      await symlink(child.path, path('link'));
      await failure('disk_invalid', store.chain(path('link'), child.format));
      await failure('disk_invalid', store.backingPath(path('link')));
      await failure('disk_invalid', store.createChild(path('other'), { ...child, path: path('link') }));
    },
    'a directory in the place of a disk throws disk_invalid': async ({ store, path }) => {
      await mkdir(path('disk'));
      await failure('disk_invalid', store.chain(path('disk')));
      await failure('disk_invalid', store.chain(path('disk'), 'raw'));
    },
    'a relative path is refused': async ({ store, base }) => {
      await failure('invalid_argument', store.createChild('disk', base));
      await failure('invalid_argument', store.chain('disk'));
      await failure('invalid_argument', store.backingPath('disk'));
    },
  },
};

/** Cases of abilities a store may lack; without the ability there is nothing to show. */
const optionalCases: RuledCases<DiskStoreContext> = {
  '`errors` is empty for a sound one': {
    'check finds a new disk sound': async ({ store, base, path }) => {
      if (store.check === undefined) return;
      await store.createChild(path('disk'), base);
      assert.deepEqual(await store.check(path('disk')), { errors: [], leakedClusters: 0 });
    },
  },
  'Grows the disk; never shrinks (`invalid_argument`)': {
    'grow makes a disk larger, and never smaller': async ({ store, base, path }) => {
      if (store.grow === undefined) return;
      const child = await store.createChild(path('disk'), base);
      await store.grow(child.path, 4 * BASE_BYTES);
      assert.equal((await store.chain(child.path, child.format))[0]?.virtualSize, 4 * BASE_BYTES);
      const thrown = await failure('invalid_argument', store.grow(child.path, BASE_BYTES));
      assert.equal(thrown.details.field, 'virtualSize');
      assert.equal((await store.chain(child.path, child.format))[0]?.virtualSize, 4 * BASE_BYTES);
    },
  },
  'Writes the whole chain into one standalone sparse disk at `target`': {
    'flatten makes a disk of the same size that needs no other file': async ({ store, base, path, directory }) => {
      if (store.flatten === undefined) return;
      const child = await store.createChild(path('disk'), base, { virtualSize: 2 * BASE_BYTES });
      const flat = await store.flatten(child.path, path('flat'));
      assert.equal(flat.virtualSize, 2 * BASE_BYTES);
      assert.deepEqual(await store.chain(flat.path, flat.format), [flat]);
      assert.equal(await store.backingPath(flat.path), undefined);
      assert.deepEqual((await readdir(directory)).sort(), ['disk', 'flat']);
    },
    'flatten makes a disk of the format asked for, or says that it cannot': async ({
      store,
      base,
      path,
      directory,
    }) => {
      if (store.flatten === undefined) return;
      const child = await store.createChild(path('disk'), base);
      for (const format of ['raw', 'qcow2'] as const) {
        const flat: DiskLayer | Error = await settle(
          store.flatten(child.path, path(`flat.${format}`), undefined, { format }),
        );
        if (flat instanceof Error) {
          assert.equal(codeOf(flat), 'unsupported');
          assert.notEqual(format, child.format);
          assert.ok(!(await readdir(directory)).includes(`flat.${format}`));
        } else {
          assert.deepEqual(flat, { path: path(`flat.${format}`), format, virtualSize: BASE_BYTES });
          assert.deepEqual(await store.chain(flat.path, format), [flat]);
        }
      }
    },
    'flatten that is aborted throws aborted and leaves nothing': async ({ store, base, path, directory }) => {
      if (store.flatten === undefined) return;
      await store.createChild(path('disk'), base);
      await failure('aborted', store.flatten(path('disk'), path('flat'), AbortSignal.abort()));
      assert.deepEqual(await readdir(directory), ['disk']);
    },
    'flatten never replaces a file': async ({ store, base, path }) => {
      if (store.flatten === undefined) return;
      await store.createChild(path('disk'), base);
      await writeFile(path('flat'), 'mine');
      await failure('already_exists', store.flatten(path('disk'), path('flat')));
      assert.equal(await readFile(path('flat'), 'utf8'), 'mine');
    },
  },
};

function layerOf(base: DiskBase): DiskLayer {
  return { path: base.path, format: base.format, virtualSize: BASE_BYTES };
}

async function settle<Value>(attempt: Promise<Value>): Promise<Value | Error> {
  return attempt.catch((thrown: unknown) => (thrown instanceof Error ? thrown : new Error(String(thrown))));
}

function codeOf(thrown: Error): ErrorCode | undefined {
  return BoxliteError.isInstance(thrown) ? thrown.code : undefined;
}

/** Awaits the BoxliteError with the code that `attempt` must reject with. */
async function failure(code: ErrorCode, attempt: Promise<unknown>): Promise<BoxliteError> {
  const outcome = await settle(attempt.then(() => undefined));
  assert.ok(outcome instanceof Error, `nothing was thrown, ${code} was expected`);
  assert.ok(BoxliteError.isInstance(outcome), `not a BoxliteError: ${outcome.stack}`);
  assert.equal(outcome.code, code, outcome.message);
  return outcome;
}
