import assert from 'node:assert/strict';
import type { VmmHandler, VmmSpec } from '../../contracts/vmm-handler.js';
import { BoxliteError } from '../../errors/boxlite-error.js';
import { deepFreeze } from '../deep-freeze.js';
import type { RuledCases } from '../define-cases.js';
import { spawnsDuring } from '../spawns-during.js';
import { assertStartFails, type VmmBench } from './vmm-bench.js';

const SNAPSHOT = { memory: '/srv/snapshot/memory', state: '/srv/snapshot/state' };

/** What a handler says of going on from a snapshot, before there is one. */
export const continuationCheckCases: RuledCases<VmmBench> = {
  '`check` refuses it with `details.field` `from` where the handler has none': {
    'check takes a spec with a snapshot where the handler has restore, else refuses it as unsupported with its field':
      async (bench) => {
        const { spec } = await bench.createMachine();
        const handler = bench.setup.createHandler();
        const spawned = await spawnsDuring(async () => {
          const asked = deepFreeze({ ...spec, from: SNAPSHOT });
          if (handler.restore !== undefined) return handler.check(asked);
          assert.throws(() => handler.check(asked), isRefusal(['unsupported']));
        });
        assert.equal(spawned, 0, 'check spawned');
      },
    'start is for machines that boot, restore for those that go on: the other is refused with its field, before anything is made':
      async (bench) => {
        const booted = await bench.begin({ change: () => ({ from: SNAPSHOT }) });
        const refused = await assertStartFails(booted);
        assert.ok(isRefusal(['unsupported', 'invalid_argument'])(refused), `${refused.code}: ${refused.message}`);
        assert.deepEqual(booted.watched.calls, [], 'what the host was asked for');
        const { restore } = booted.handler;
        if (restore === undefined) return;
        const { spec, host } = await bench.createMachine();
        await assert.rejects(
          restore.call(booted.handler, deepFreeze(spec), host),
          isRefusal(['unsupported', 'invalid_argument']),
        );
      },
    'a snapshot that is not named by absolute paths is refused with its field': async (bench) => {
      const { spec } = await bench.createMachine();
      const handler = bench.setup.createHandler();
      if (handler.restore === undefined) return;
      for (const from of [
        { ...SNAPSHOT, memory: 'memory' },
        { ...SNAPSHOT, state: 'state' },
      ]) {
        assert.throws(() => handler.check({ ...spec, from }), isRefusal(['invalid_argument']));
      }
    },
  },
  'What a VMM cannot do is a method it does not have: `pause` and `resume` go together, as do `restore` and `snapshotKey`, and machines can be captured exactly where they can be restored':
    {
      'a handler with restore has snapshotKey, and one without has none': async (bench) => {
        const { restore, snapshotKey } = bench.setup.createHandler();
        assert.equal(typeof snapshotKey, typeof restore);
      },
    },
  'two specs with the same text can': {
    'the key is the same for boxes of one shape, and for another handler of this host': async (bench) => {
      const [{ spec }, { spec: other }] = [await bench.createMachine(), await bench.createMachine()];
      const handler = bench.setup.createHandler();
      if (handler.snapshotKey === undefined) return;
      const key = await keyOf(handler, spec);
      assert.ok(key.length > 0, 'an empty key');
      assert.equal(await keyOf(handler, spec), key, 'asked twice');
      assert.equal(await keyOf(handler, other), key, 'of another box');
      assert.equal(await keyOf(handler, { ...spec, from: SNAPSHOT }), key, 'of the machine that goes on');
      assert.equal(await keyOf(bench.setup.createHandler(), spec), key, 'by another handler');
      const disks = spec.disks.map((disk) => ({ ...disk, path: `${disk.path}.other` }));
      assert.equal(await keyOf(handler, { ...spec, disks }), key, 'of other disks of the same formats');
    },
    'the key tells machines of another shape apart': async (bench) => {
      const { spec } = await bench.createMachine();
      const handler = bench.setup.createHandler();
      if (handler.snapshotKey === undefined) return;
      const { disks } = spec;
      const other = (format: string) => (format === 'raw' ? 'qcow2' : 'raw');
      const shapes: Partial<VmmSpec>[] = [
        {},
        { memoryMib: spec.memoryMib + 64 },
        { vcpus: spec.vcpus + 1 },
        { disks: disks.slice(0, 1) },
        { disks: disks.map((disk) => ({ ...disk, format: other(disk.format) })) },
      ];
      const keys = await Promise.all(shapes.map((shape) => keyOf(handler, { ...spec, ...shape })));
      assert.equal(new Set(keys).size, shapes.length, `two shapes have one key: ${keys.join(' | ')}`);
    },
  },
};

const isRefusal = (codes: readonly string[]) => (thrown: unknown) =>
  BoxliteError.isInstance(thrown) && codes.includes(thrown.code) && String(thrown.details.field).startsWith('from');

async function keyOf(handler: VmmHandler, spec: VmmSpec): Promise<string> {
  const key = await handler.snapshotKey?.(deepFreeze(spec));
  assert.equal(typeof key, 'string');
  return key ?? '';
}
