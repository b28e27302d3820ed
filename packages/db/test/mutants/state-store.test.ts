import { join } from 'node:path';
import { BoxliteError, type BoxStateRecord, type Lease, type StateStore } from '@boxlite/core';
import { stateStoreConformance } from '@boxlite/core/testing';
import { type Mutant, mutantTests } from '../../../core/test/mutants/mutant-tests.js';
import { openStateStore } from '../../src/index.js';
import { temporaryDirectory } from '../temporary-directory.js';

/** A store whose every member can be replaced. */
type Mutation = (right: StateStore, process: number) => Partial<StateStore>;

/** Delegates to a part of a store, some members replaced: spreading would lose the methods of a class. */
function over<Part extends object>(part: Part, change: Partial<Part>): Part {
  return new Proxy(part, {
    get(target, name) {
      const value: unknown = name in change ? Reflect.get(change, name) : Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

const boxes =
  (change: (right: StateStore['boxes']) => Partial<StateStore['boxes']>): Mutation =>
  (right) => ({
    boxes: over(right.boxes, change(right.boxes)),
  });
const baseDisks =
  (change: (right: StateStore) => Partial<StateStore['baseDisks']>): Mutation =>
  (right) => ({
    baseDisks: over(right.baseDisks, change(right)),
  });
const leases =
  (change: (right: StateStore['leases'], process: number) => Partial<StateStore['leases']>): Mutation =>
  (right, process) => ({ leases: over(right.leases, change(right.leases, process)) });

const freeLease = (entity: string, purpose: string): Lease => {
  const release = async () => undefined;
  return { entity, purpose, release, [Symbol.asyncDispose]: release };
};

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'keeps records in the memory of its process',
    killedBy: 'a box comes back as it was recorded',
    mutation: (right, process) => (process === 1 ? {} : { boxes: over(right.boxes, { list: async () => [] }) }),
  },
  {
    mistake: 'reads and writes in two steps',
    killedBy: 'concurrent changes of two processes',
    mutation: boxes((right) => ({
      async update(id, change) {
        const before = await right.get(id);
        if (before === undefined) return right.update(id, change);
        const after = change(before.state);
        await new Promise((resolve) => setImmediate(resolve));
        return right.update(id, () => after);
      },
    })),
  },
  {
    mistake: 'replaces a box of the same id',
    killedBy: 'a taken id or name of a box',
    mutation: boxes((right) => ({
      async insert(config, state) {
        await right.delete(config.id);
        await right.insert(config, state);
      },
    })),
  },
  {
    mistake: 'lets the error of the database through',
    killedBy: 'a taken id or name of a box',
    mutation: boxes((right) => ({
      insert: (...given) =>
        right.insert(...given).catch(() => {
          throw new Error('UNIQUE constraint failed: box.id');
        }),
    })),
  },
  {
    mistake: 'prefers a name to an id',
    killedBy: 'find looks for the exact id',
    mutation: boxes((right) => ({
      async find(text) {
        return (await right.list()).find(({ config }) => config.name === text) ?? right.find(text);
      },
    })),
  },
  {
    mistake: 'finds parts of ids that are no prefix',
    killedBy: 'find looks for the exact id',
    mutation: boxes((right) => ({
      async find(text) {
        return (await right.find(text)) ?? (await right.list()).find(({ config }) => config.id.includes(text));
      },
    })),
  },
  {
    mistake: 'takes the first box a prefix fits',
    killedBy: 'a prefix that fits several',
    mutation: boxes((right) => ({
      find: (text) =>
        right.find(text).catch(async () => (await right.list()).find(({ config }) => config.id.startsWith(text))),
    })),
  },
  {
    mistake: 'merges a change into the old state',
    killedBy: 'a change of state is read, changed',
    mutation: boxes((right) => ({
      update: (id, change) => right.update(id, (before) => ({ ...before, errorReason: 'none', ...change(before) })),
    })),
  },
  {
    mistake: 'hands out its own records',
    killedBy: 'a record that somebody writes to',
    mutation: (right) => {
      const kept = new Map<string, Awaited<ReturnType<StateStore['boxes']['get']>>>();
      const get = async (id: Parameters<StateStore['boxes']['get']>[0]) => {
        const record = kept.get(id) ?? (await right.boxes.get(id));
        kept.set(id, record);
        return record;
      };
      return { boxes: over(right.boxes, { get }) };
    },
  },
  {
    mistake: 'writes part of a change that throws',
    killedBy: 'a change that throws',
    mutation: boxes((right) => ({
      async update(id, change) {
        await right.update(id, (before) => ({ ...before, updatedAt: 1 }));
        return right.update(id, change);
      },
    })),
  },
  {
    mistake: 'allows every transition',
    killedBy: 'a forbidden transition',
    mutation: boxes((right) => ({
      async update(id, change) {
        const record = await right.get(id);
        const after = record === undefined ? undefined : change(record.state);
        if (record !== undefined && after?.status === 'paused') {
          await right.update(id, () => ({ ...record.state, status: 'running' }));
        }
        return right.update(id, (before) => after ?? change(before));
      },
    })),
  },
  {
    mistake: 'makes a box of a change to one that does not exist',
    killedBy: 'a change of a box that does not exist',
    mutation: boxes((right) => ({
      update: (id, change) =>
        right.update(id, change).catch((thrown: unknown) => {
          if (BoxliteError.isInstance(thrown, 'not_found'))
            return change({ status: 'unknown', updatedAt: 0 } as BoxStateRecord);
          throw thrown;
        }),
    })),
  },
  {
    mistake: 'keeps the references of a deleted box',
    killedBy: 'a deleted box takes its references',
    mutation: baseDisks((right) => {
      const kept: Awaited<ReturnType<StateStore['baseDisks']['referencedBy']>>[number][] = [];
      return {
        addReference: async (id, boxId) => {
          kept.push(boxId);
          await right.baseDisks.addReference(id, boxId);
        },
        referencedBy: async () => kept,
      };
    }),
  },
  {
    mistake: 'keeps every record of an image',
    killedBy: 'put records an image',
    mutation: (right) => {
      const all: Awaited<ReturnType<StateStore['images']['list']>>[number][] = [];
      return {
        images: over(right.images, {
          put: async (record) => {
            all.push(record);
            await right.images.put(record);
          },
          list: async () => all,
        }),
      };
    },
  },
  {
    mistake: 'says that it deleted an image that was not there',
    killedBy: 'deleting an image',
    mutation: (right) => ({
      images: over(right.images, { delete: async (reference) => right.images.delete(reference).then(() => true) }),
    }),
  },
  {
    mistake: 'finds base disks of any source by name',
    killedBy: 'base disks are found',
    mutation: baseDisks((right) => ({
      findByName: async (_source, name) => (await right.baseDisks.list()).find((record) => record.name === name),
    })),
  },
  {
    mistake: 'deletes a base disk that a box needs',
    killedBy: 'a base disk that a box refers to',
    mutation: baseDisks((right) => ({
      delete: async (id) => {
        for (const box of await right.baseDisks.referencedBy(id)) await right.baseDisks.removeReferences(box);
        return right.baseDisks.delete(id);
      },
    })),
  },
  {
    mistake: 'deletes a base disk that a snapshot needs',
    killedBy: 'a base disk that a snapshot refers to',
    mutation: baseDisks((right) => ({
      delete: (id) =>
        right.baseDisks.delete(id).catch(async (thrown: unknown) => {
          if ((await right.baseDisks.referencedBy(id)).length > 0) throw thrown;
          return true;
        }),
    })),
  },
  {
    mistake: 'takes references to nothing',
    killedBy: 'a reference needs both',
    mutation: baseDisks((right) => ({
      // The mistake itself: the refusal is kept from the caller.
      addReference: (id, box) => right.baseDisks.addReference(id, box).catch(() => undefined),
    })),
  },
  {
    mistake: 'lets snapshots of a box share a name',
    killedBy: 'snapshots belong to a box',
    mutation: (right) => ({
      snapshots: over(right.snapshots, {
        insert: async (record) => {
          await right.snapshots.delete(record.boxId, record.name);
          await right.snapshots.insert(record);
        },
      }),
    }),
  },
  {
    mistake: 'gives the holder of a lease a second one',
    killedBy: 'an exclusive lease excludes',
    mutation: leases((right, process) => ({
      acquire: async (entity, purpose, options) =>
        (await right.holders(entity)).some(({ pid }) => pid === process)
          ? freeLease(entity, purpose)
          : right.acquire(entity, purpose, options),
    })),
  },
  {
    mistake: 'does not name who holds a lease',
    killedBy: 'an exclusive lease excludes',
    mutation: leases((right) => ({
      acquire: (entity, ...rest) =>
        right.acquire(entity, ...rest).catch((thrown: BoxliteError) => {
          throw new BoxliteError(thrown.code, 'gc: busy', { details: { entity } });
        }),
    })),
  },
  {
    mistake: 'takes every lease for a shared one',
    killedBy: 'shared leases coexist',
    mutation: leases((right) => ({
      acquire: (entity, purpose, options) => right.acquire(entity, purpose, { ...options, shared: true }),
    })),
  },
  {
    mistake: 'has one lease for everything',
    killedBy: 'leases on different entities',
    mutation: leases((right) => ({
      acquire: (_entity, purpose, options) => right.acquire('all', purpose, options),
    })),
  },
  {
    mistake: 'keeps the leases of the dead',
    killedBy: 'a lease is void when its holder',
    mutation: (right) => {
      const held = new Set<string>();
      return {
        leases: over(right.leases, {
          acquire: async (entity, purpose, options) => {
            if (held.has(entity)) throw new BoxliteError('lease_held', `${entity} is held`, { details: { entity } });
            try {
              return await right.leases.acquire(entity, purpose, options);
            } catch (thrown) {
              if (BoxliteError.isInstance(thrown, 'lease_held')) held.add(entity);
              throw thrown;
            }
          },
        }),
      };
    },
  },
  {
    mistake: 'frees whoever holds the entity when a lease is released again',
    killedBy: 'release is idempotent',
    mutation: (right) => {
      const last = new Map<string, Lease>();
      return {
        leases: over(right.leases, {
          acquire: async (entity, purpose, options) => {
            const lease = await right.leases.acquire(entity, purpose, options);
            last.set(entity, lease);
            const release = async () => last.get(entity)?.release();
            return { entity, purpose, release, [Symbol.asyncDispose]: release };
          },
        }),
      };
    },
  },
  {
    mistake: 'never waits for a lease',
    killedBy: 'waiting takes the lease',
    mutation: leases((right) => ({
      acquire: (entity, purpose, { shared = false } = {}) => right.acquire(entity, purpose, { shared }),
    })),
  },
  {
    mistake: 'cannot be aborted while it waits',
    killedBy: 'waiting ends with lease_held',
    mutation: leases((right) => ({
      acquire: (entity, purpose, { signal: _signal, waitMs = 0, ...options } = {}) =>
        right.acquire(entity, purpose, { ...options, waitMs: Math.min(waitMs, 100) }),
    })),
  },
  {
    mistake: 'looks whether a lease is free, then takes it',
    killedBy: 'of many that ask at once',
    mutation: leases((right) => ({
      acquire: async (entity, purpose, options) => {
        if ((await right.holders(entity)).length > 0) return right.acquire(entity, purpose, options);
        await new Promise((resolve) => setImmediate(resolve));
        return right.acquire(entity, purpose, { ...options, shared: true });
      },
    })),
  },
  {
    mistake: 'takes a prefix for a pattern',
    killedBy: 'holders and list tell',
    mutation: leases((right) => ({
      list: async (prefix) => {
        const pattern = new RegExp(`^${prefix.replaceAll('_', '.')}`);
        return (await right.list('')).filter(({ entity }) => pattern.test(entity));
      },
    })),
  },
  {
    mistake: 'keeps its leases when it is closed',
    killedBy: 'closing gives back',
    mutation: () => ({ close: async () => undefined }),
  },
  {
    mistake: 'forgets the boot id before',
    killedBy: 'the boot id is exchanged',
    mutation: (right) => ({
      exchangeBootId: async (current) => {
        await right.exchangeBootId(current);
        return current;
      },
    }),
  },
];

const suite = (mutation?: Mutation) =>
  stateStoreConformance(async () => {
    const file = join(await temporaryDirectory(), 'db', 'boxlite.db');
    const gone = new Set<number>();
    return {
      open: async (process, bootId = 'boot-1') => {
        const right = await openStateStore({
          file,
          bootId,
          self: { pid: process, startTime: process * 100 },
          isAlive: ({ pid, startTime }) => startTime === pid * 100 && !gone.has(pid),
        });
        return mutation === undefined ? right : over(right, mutation(right, process));
      },
      end: (process) => void gone.add(process),
    };
  });

mutantTests<Mutation>('StateStore', suite, mutants);
