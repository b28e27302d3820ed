import assert from 'node:assert/strict';
import type { RuledCases } from './define-cases.js';
import { rejectsWith } from './rejects-with.js';
import type { StateStoreContext } from './state-store-conformance.js';

/** Long enough for any machine to see a release, milliseconds. */
const AMPLE_MS = 20_000;

export const stateStoreLeaseCases: RuledCases<StateStoreContext> = {
  'several shared holders may coexist; exclusive (default) excludes all': {
    'an exclusive lease excludes all others, its own process too, and the refusal names the holder': async ({
      store: first,
      open,
    }) => {
      const second = await open(2);
      const lease = await first.leases.acquire('home', 'gc');
      for (const { leases } of [first, second]) {
        for (const shared of [false, true]) {
          const error = await rejectsWith(leases.acquire('home', 'start', { shared }), 'lease_held');
          assert.ok(error.message.includes('gc'), error.message);
          assert.deepEqual(error.details.entity, 'home');
          assert.match(JSON.stringify(error.details), /"pid":\s*1\b/, 'details name the holder');
        }
      }
      await lease.release();
      await (await second.leases.acquire('home', 'start')).release();
    },
    'shared leases coexist and exclude an exclusive one': async ({ store: first, open }) => {
      const second = await open(2);
      const leases = [
        await first.leases.acquire('base', 'start', { shared: true }),
        await second.leases.acquire('base', 'start', { shared: true }),
      ];
      for (const lease of leases) {
        await rejectsWith(first.leases.acquire('base', 'gc'), 'lease_held');
        await lease.release();
      }
      await first.leases.acquire('base', 'gc');
    },
    'leases on different entities do not meet': async ({ store: { leases } }) => {
      await leases.acquire('box:a', 'start');
      await leases.acquire('box:b', 'start');
    },
  },
  'Takes the lease in one immediate transaction, removing holders that are gone': {
    'a lease is void when its holder is gone': async ({ store: first, open, end }) => {
      const second = await open(2);
      await second.leases.acquire('home', 'gc');
      await rejectsWith(first.leases.acquire('home', 'gc'), 'lease_held');
      end(2);
      assert.deepEqual(await first.leases.holders('home'), []);
      await first.leases.acquire('home', 'gc');
    },
    'a lease of an earlier boot is void, also when a process of now has its pid': async ({ store: first, open }) => {
      await first.leases.acquire('home', 'gc');
      const rebooted = await open(1, 'boot-2');
      assert.deepEqual(await rebooted.leases.holders('home'), []);
      await rebooted.leases.acquire('home', 'gc');
    },
    'of many that ask at once one gets an exclusive lease': async ({ store: first, open }) => {
      const stores = [first, await open(2), await open(3)];
      const results = await Promise.allSettled(
        Array.from({ length: 30 }, (_, index) => (stores[index % 3] ?? first).leases.acquire('home', `asker ${index}`)),
      );
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
    },
  },
  'A lease that is held until `release()` or until its holder is gone': {
    'release is idempotent and never frees a later holder': async ({ store: { leases } }) => {
      const lease = await leases.acquire('home', 'gc');
      await lease.release();
      await leases.acquire('home', 'other');
      await lease.release();
      await lease[Symbol.asyncDispose]();
      await rejectsWith(leases.acquire('home', 'third'), 'lease_held');
    },
    'closing gives back what the store holds, and is idempotent': async ({ store: first, open }) => {
      const second = await open(2);
      const lease = await second.leases.acquire('home', 'gc');
      await second.close();
      await second.close();
      await first.leases.acquire('home', 'gc');
      await lease.release();
      await rejectsWith(first.leases.acquire('home', 'other'), 'lease_held');
    },
  },
  'how long to retry; default 0': {
    'waiting takes the lease once it is free': async ({ store: first, open }) => {
      const second = await open(2);
      const lease = await first.leases.acquire('home', 'gc');
      const waiting = second.leases.acquire('home', 'start', { waitMs: AMPLE_MS });
      await lease.release();
      assert.equal((await waiting).purpose, 'start');
    },
    'waiting ends with lease_held when the time is over, and with aborted when it is aborted': async ({
      store: { leases },
    }) => {
      await leases.acquire('home', 'gc');
      await rejectsWith(leases.acquire('home', 'start', { waitMs: 30 }), 'lease_held');
      const controller = new AbortController();
      const waiting = rejectsWith(
        leases.acquire('home', 'start', { waitMs: AMPLE_MS, signal: controller.signal }),
        'aborted',
      );
      controller.abort();
      await waiting;
      await rejectsWith(leases.acquire('box', 'start', { signal: controller.signal }), 'aborted');
      assert.deepEqual(await leases.holders('box'), []);
    },
  },
  'Living leases on an entity': {
    'holders and list tell who holds what': async ({ store: first, open }) => {
      const second = await open(2);
      await first.leases.acquire('base:1', 'start', { shared: true });
      await second.leases.acquire('base:1', 'clone', { shared: true });
      await second.leases.acquire('box_1', 'start');
      const holders = await first.leases.holders('base:1');
      assert.deepEqual(
        holders.map(({ purpose }) => purpose),
        ['start', 'clone'],
      );
      assert.equal(new Set(holders.map(({ pid }) => pid)).size, 2);
      assert.deepEqual(
        (await first.leases.list('base:')).map(({ entity, purpose }) => [entity, purpose]),
        [
          ['base:1', 'start'],
          ['base:1', 'clone'],
        ],
      );
      assert.equal((await first.leases.list('b_')).length, 0);
      assert.equal((await first.leases.list('')).length, 3);
    },
  },
  'Closing gives back every lease; afterwards each member throws `stopped`': {
    'a closed store says so': async ({ store }) => {
      const { boxes, leases } = store;
      await store.close();
      await rejectsWith(boxes.list(), 'stopped');
      await rejectsWith(leases.acquire('home', 'gc'), 'stopped');
    },
  },
  'The boot id rows were last written under, replaced by the current one': {
    'the boot id is exchanged: nothing in a new home, then the one before': async ({ store: first, open }) => {
      assert.equal(await first.bootId(), undefined);
      assert.equal(await first.exchangeBootId('boot-1'), undefined);
      assert.equal(await first.bootId(), 'boot-1');
      assert.equal(await first.exchangeBootId('boot-1'), 'boot-1');
      assert.equal(await (await open(2)).exchangeBootId('boot-2'), 'boot-1');
      assert.equal(await first.bootId(), 'boot-2');
      assert.equal(await first.exchangeBootId('boot-2'), 'boot-2');
    },
  },
};
