import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { copyFile, link, mkdtemp, readFile, realpath, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  BoxliteError,
  type DiskBase,
  type DiskLayer,
  type DiskStore,
  type FrozenDisk,
  throwIfAborted,
} from '@boxlite/core';
import { diskStoreConformance } from '@boxlite/core/testing';
import { afterAll, beforeAll } from 'vitest';
import { type Mutant, mutantTests } from '../../../core/test/mutants/mutant-tests.js';
import { createQcow2DiskStore } from '../../src/index.js';

type Mutation = (right: DiskStore) => Partial<DiskStore>;
type CreateChild = DiskStore['createChild'];
type Freeze = NonNullable<DiskStore['freeze']>;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'disk-mutants-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Wraps `createChild`. */
const creating =
  (change: (create: CreateChild, ...given: Parameters<CreateChild>) => Promise<DiskLayer>): Mutation =>
  (right) => ({ createChild: (...given) => change((...inner) => right.createChild(...inner), ...given) });

const afterwards = (change: (path: string, base: DiskBase) => void): Mutation =>
  creating(async (create, path, base, options) => {
    const child = await create(path, base, options);
    change(path, base);
    return child;
  });

const chaining =
  (change: (right: DiskStore, path: string, format?: 'raw' | 'qcow2') => Promise<readonly DiskLayer[]>): Mutation =>
  (right) => ({ chain: (path, format) => change(right, path, format) });

/** Wraps `freeze`. */
const freezing =
  (change: (freeze: Freeze, ...given: Parameters<Freeze>) => Promise<FrozenDisk>): Mutation =>
  (right) => ({
    freeze: (...given) => change((...inner) => right.freeze?.(...inner) as Promise<FrozenDisk>, ...given),
  });

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'tells a size that is not the disk’s',
    killedBy: 'createChild makes a disk of the size',
    mutation: creating(async (create, ...given) => {
      const child = await create(...given);
      return { ...child, virtualSize: child.virtualSize + 512 };
    }),
  },
  {
    mistake: 'leaves an empty file when the base is missing',
    killedBy: 'createChild without its base',
    mutation: creating(async (create, path, base, options) => {
      try {
        return await create(path, base, options);
      } catch (thrown) {
        if (!existsSync(path)) writeFileSync(path, '');
        throw thrown;
      }
    }),
  },
  {
    mistake: 'lets the error of the file system through',
    killedBy: 'createChild without its base',
    mutation: creating(async (create, path, base, options) => {
      await stat(base.path);
      return create(path, base, options);
    }),
  },
  {
    mistake: 'starts from an empty disk instead of the base',
    killedBy: 'a guest reads of a new child',
    mutation: creating(async (_create, path, base) => {
      const { size } = await stat(base.path);
      await writeFile(path, '', { mode: 0o600 });
      await truncate(path, size);
      return { path, format: 'raw', virtualSize: size };
    }),
  },
  {
    mistake: 'guesses the format of its base',
    killedBy: 'a raw base that begins like',
    mutation: creating(async (create, path, base, options) => {
      const magic = (await readFile(base.path)).subarray(0, 3).toString();
      return create(path, { ...base, format: magic === 'QFI' ? 'qcow2' : base.format }, options);
    }),
  },
  {
    mistake: 'cannot make a disk larger than its base',
    killedBy: 'createChild makes a disk larger',
    mutation: creating((create, path, base) => create(path, base)),
  },
  {
    mistake: 'rounds a disk that is too small up',
    killedBy: 'createChild refuses a disk smaller',
    mutation: creating((create, path, base, options) =>
      create(path, base, (options?.virtualSize ?? 0) < statSync(base.path).size ? {} : options),
    ),
  },
  {
    mistake: 'takes half bytes',
    killedBy: 'createChild refuses sizes that are none',
    mutation: creating((create, path, base, options) =>
      create(path, base, options?.virtualSize === 1.5 ? {} : options),
    ),
  },
  {
    mistake: 'replaces a file that is there',
    killedBy: 'createChild never replaces',
    mutation: creating(async (create, path, base, options) => {
      await rm(path, { force: true });
      return create(path, base, options);
    }),
  },
  {
    mistake: 'looks whether the path is free, then writes',
    killedBy: 'createChild called many times',
    mutation: creating(async (create, path, base, options) => {
      if (existsSync(path)) throw new BoxliteError('already_exists', `${path} exists`);
      const staged = `${path}.${randomUUID()}`;
      const child = await create(staged, base, options);
      await rename(staged, path);
      return { ...child, path };
    }),
  },
  {
    mistake: 'makes disks everybody can read',
    killedBy: 'createChild makes files only',
    mutation: afterwards((path) => chmodSync(path, 0o644)),
  },
  {
    mistake: 'touches its base',
    killedBy: 'createChild does not change',
    mutation: afterwards((_path, base) => utimesSync(base.path, new Date(), new Date(0))),
  },
  {
    mistake: 'gives a chain from the bottom up',
    killedBy: 'chain names every file',
    mutation: chaining(async (right, path, format) => (await right.chain(path, format)).toReversed()),
  },
  {
    mistake: 'looks only one file down',
    killedBy: 'chain names every file',
    mutation: chaining(async (right, path, format) => (await right.chain(path, format)).slice(0, 2)),
  },
  {
    mistake: 'looks into a raw disk',
    killedBy: 'chain of a raw disk',
    mutation: chaining((right, path) => right.chain(path, 'qcow2')),
  },
  {
    mistake: 'gives the part of a chain that is there',
    killedBy: 'chain refuses a chain with a missing file',
    mutation: chaining(async (right, path, format) => {
      try {
        return await right.chain(path, format);
      } catch (thrown) {
        if (BoxliteError.isInstance(thrown, 'disk_chain_invalid')) return [];
        throw thrown;
      }
    }),
  },
  {
    mistake: 'makes chains of any depth',
    killedBy: 'a chain that would be too deep',
    mutation: creating(async (create, path, base, options) => {
      try {
        return await create(path, base, options);
      } catch (thrown) {
        if (!BoxliteError.isInstance(thrown, 'disk_chain_invalid')) throw thrown;
        await copyFile(base.path, path);
        return { path, format: 'qcow2', virtualSize: 8 * 2 ** 20 };
      }
    }),
  },
  {
    mistake: 'needs a sound disk to name its base',
    killedBy: 'backingPath names the base of a disk whose',
    mutation: (right) => ({
      backingPath: async (path) => (await right.chain(path, 'qcow2'))[1]?.path,
    }),
  },
  {
    mistake: 'names no base that is missing',
    killedBy: 'backingPath still names',
    mutation: (right) => ({
      backingPath: async (path) => {
        const backing = await right.backingPath(path);
        // The mistake itself: a missing base looks like none.
        return backing === undefined ? undefined : realpath(backing).catch(() => undefined);
      },
    }),
  },
  {
    mistake: 'names the directory of a disk that has no base',
    killedBy: 'backingPath of a qcow2 disk that stands alone',
    mutation: (right) => ({ backingPath: async (path) => (await right.backingPath(path)) ?? dirname(path) }),
  },
  {
    mistake: 'takes whatever it cannot read for a raw disk',
    killedBy: 'a file that is no disk',
    mutation: chaining(async (right, path, format) => {
      try {
        return await right.chain(path, format);
      } catch (thrown) {
        if (BoxliteError.isInstance(thrown, 'disk_invalid')) return right.chain(path, 'raw');
        throw thrown;
      }
    }),
  },
  {
    mistake: 'does not say which field is wrong',
    killedBy: 'a qcow2 header whose backing name',
    mutation: (right) => ({
      backingPath: (path) =>
        right.backingPath(path).catch((thrown: BoxliteError) => {
          throw new BoxliteError(thrown.code, thrown.message);
        }),
    }),
  },
  {
    mistake: 'reads past the end of a header',
    killedBy: 'a header that is cut short',
    mutation: (right) => ({
      backingPath: async (path) =>
        (await stat(path)).size < 104 ? readFileSync(path).readUInt32BE(200).toString() : right.backingPath(path),
    }),
  },
  {
    mistake: 'follows symbolic links',
    killedBy: 'a symbolic link in the place',
    mutation: (right) => ({
      chain: async (path, format) => right.chain(await realpath(path).catch(() => path), format),
    }),
  },
  {
    mistake: 'finds every disk sound',
    killedBy: 'check finds a disk damaged',
    mutation: () => ({ check: async () => ({ errors: [], leakedClusters: 0 }) }),
  },
  {
    mistake: 'shrinks a disk it should grow',
    killedBy: 'grow makes a disk larger',
    mutation: (right) => ({
      grow: (path, virtualSize) => right.grow?.(path, Math.max(virtualSize, 2 ** 26)) ?? Promise.resolve(),
    }),
  },
  {
    mistake: 'flattens to a disk of zeros',
    killedBy: 'a guest reads of the flat disk',
    mutation: () => ({
      flatten: async (_path, target) => {
        await writeFile(target, '');
        await truncate(target, 8 * 2 ** 20);
        return { path: target, format: 'raw', virtualSize: 8 * 2 ** 20 };
      },
    }),
  },
  {
    mistake: 'flattens only the overlay',
    killedBy: 'flatten makes a disk of the same size',
    mutation: (right) => ({
      flatten: async (path, target) => {
        await copyFile(path, target);
        const [layer] = await right.chain(target, 'qcow2');
        return layer as DiskLayer;
      },
    }),
  },
  {
    mistake: 'leaves half a disk when a flatten is aborted',
    killedBy: 'flatten that is aborted',
    mutation: (right) => ({
      flatten: async (path, target, signal) => {
        await writeFile(target, 'half');
        throwIfAborted(signal, 'flattening');
        return right.flatten?.(path, target, signal) as Promise<DiskLayer>;
      },
    }),
  },
  {
    mistake: 'flattens to qcow2 and calls it raw',
    killedBy: 'flatten makes a disk of the format asked for',
    mutation: (right) => ({
      flatten: async (path, target, signal, options) => {
        const flat = (await right.flatten?.(path, target, signal)) as DiskLayer;
        return { ...flat, format: options?.format ?? flat.format };
      },
    }),
  },
  {
    mistake: 'freezes by a second name for one file',
    killedBy: 'freeze leaves two files',
    mutation: (right) => ({
      freeze: async (path, base) => {
        await link(path, base);
        const [child] = (await right.chain(path)) as [DiskLayer];
        return { base: { ...child, path: base }, child };
      },
    }),
  },
  {
    mistake: 'freezes to a base that is not there',
    killedBy: 'freeze leaves a base and a disk',
    mutation: freezing(async (freeze, path, base, options) => {
      const frozen = await freeze(path, base, options);
      await rename(base, `${base}.lost`);
      return frozen;
    }),
  },
  {
    mistake: 'has no flat bases',
    killedBy: 'freeze with flat',
    mutation: freezing((freeze, path, base) => freeze(path, base)),
  },
  {
    mistake: 'freezes over a file that is there',
    killedBy: 'freeze never takes the place',
    mutation: freezing(async (freeze, path, base, options) => {
      await rm(base, { force: true });
      return freeze(path, base, options);
    }),
  },
  {
    mistake: 'does not rebase',
    killedBy: 'rebase lets a disk follow',
    mutation: () => ({ rebase: async () => undefined }),
  },
  {
    mistake: 'rebases to what is not there',
    killedBy: 'rebase to a file that is not there',
    mutation: (right) => ({
      rebase: async (path, base) => {
        if (!existsSync(base.path)) return;
        await right.rebase?.(path, base);
      },
    }),
  },
];

const suite = (mutation?: Mutation) =>
  diskStoreConformance(async () => {
    const right = createQcow2DiskStore();
    const methods: DiskStore = {
      id: right.id,
      format: 'qcow2',
      createChild: (...given) => right.createChild(...given),
      chain: (...given) => right.chain(...given),
      backingPath: (path) => right.backingPath(path),
      check: async (path) => (await right.check?.(path)) ?? { errors: [], leakedClusters: 0 },
      grow: async (path, virtualSize) => right.grow?.(path, virtualSize),
      flatten: (...given) => right.flatten?.(...given) as Promise<DiskLayer>,
      rebase: async (path, base) => right.rebase?.(path, base),
      freeze: (...given) => right.freeze?.(...given) as Promise<FrozenDisk>,
    };
    const own = await mkdtemp(join(directory, 'case-'));
    return { store: { ...methods, ...mutation?.(right) }, directory: own };
  });

mutantTests<Mutation>('DiskStore', suite, mutants);
