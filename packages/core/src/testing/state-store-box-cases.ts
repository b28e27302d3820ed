import assert from 'node:assert/strict';
import type { BoxStateRecord } from '../contracts/state-store.js';
import { parseBoxId } from '../ids/box-id.js';
import type { RuledCases } from './define-cases.js';
import { rejectsWith } from './rejects-with.js';
import type { StateStoreContext } from './state-store-conformance.js';
import { exampleBaseDisk, exampleBox, exampleSnapshot } from './state-store-examples.js';

export const stateStoreBoxCases: RuledCases<StateStoreContext> = {
  'Several processes share one; every member may be called concurrently': {
    'a box comes back as it was recorded, in another process too': async ({ store: { boxes }, open }) => {
      const { config, state } = exampleBox('box1', 'web');
      await boxes.insert(config, state);
      assert.deepEqual(await boxes.get(config.id), { config, state });
      assert.deepEqual(await (await open(2)).boxes.list(), [{ config, state }]);
      assert.equal(await boxes.get(parseBoxId('other')), undefined);
    },
    'concurrent changes of two processes are all kept': async ({ store: { boxes }, open }) => {
      const { config, state } = exampleBox('box1');
      await boxes.insert(config, state);
      const other = (await open(2)).boxes;
      const increment = (before: BoxStateRecord): BoxStateRecord => ({
        ...before,
        exitCode: (before.exitCode ?? 0) + 1,
      });
      await Promise.all(
        Array.from({ length: 40 }, (_, index) => (index % 2 ? boxes : other).update(config.id, increment)),
      );
      assert.equal((await boxes.get(config.id))?.state.exitCode, 40);
    },
  },
  '`already_exists` (field `name` or `id`)': {
    'a taken id or name of a box is already_exists, and boxes without a name do not collide': async ({
      store: { boxes },
    }) => {
      const first = exampleBox('box1', 'web');
      await boxes.insert(first.config, first.state);
      await rejectsWith(boxes.insert(exampleBox('box1', 'x').config, first.state), 'already_exists', 'id');
      await rejectsWith(boxes.insert(exampleBox('box2', 'web').config, first.state), 'already_exists', 'name');
      for (const id of ['box2', 'box3']) await boxes.insert(exampleBox(id).config, first.state);
      assert.equal((await boxes.list()).length, 3);
    },
  },
  'Exact id, then name, then unique id prefix': {
    'find looks for the exact id, then the name, then a unique id prefix': async ({ store: { boxes } }) => {
      const entries = [
        exampleBox('aaa'),
        exampleBox('aaab', 'aaac'),
        exampleBox('aaac', 'other'),
        exampleBox('x_y1', 'b'),
      ];
      for (const { config, state } of entries) await boxes.insert(config, state);
      const found = async (text: string): Promise<string | undefined> => (await boxes.find(text))?.config.id;
      assert.equal(await found('aaa'), 'aaa');
      assert.equal(await found('aaac'), 'aaac');
      assert.equal(await found('other'), 'aaac');
      assert.equal(await found('b'), 'x_y1');
      assert.equal(await found('x_'), 'x_y1');
      for (const nothing of ['', 'zzz', '_', '%', 'aaad', 'X_Y1'])
        assert.equal(await found(nothing), undefined, nothing);
    },
    'a prefix that fits several boxes is invalid_argument and names them': async ({ store: { boxes } }) => {
      for (const id of ['aaa1', 'aaa2']) await boxes.insert(exampleBox(id).config, exampleBox(id).state);
      const error = await rejectsWith(boxes.find('aaa'), 'invalid_argument', 'idOrName');
      for (const id of ['aaa1', 'aaa2']) assert.ok(error.message.includes(id), error.message);
    },
  },
  'Read, change, write in one transaction': {
    'a change of state is read, changed and written, and returned': async ({ store: { boxes } }) => {
      const { config, state } = exampleBox('box1');
      await boxes.insert(config, state);
      const running: BoxStateRecord = {
        status: 'running',
        supervisor: { pid: 10, startTime: 100 },
        vmm: { pid: 11, startTime: 101 },
        startedAt: 2,
        updatedAt: 3,
      };
      assert.deepEqual(
        await boxes.update(config.id, (before) => {
          assert.deepEqual(before, state);
          return running;
        }),
        running,
      );
      assert.deepEqual((await boxes.get(config.id))?.state, running);
    },
    'a record that somebody writes to is a copy': async ({ store: { boxes } }) => {
      const { config, state } = exampleBox('box1', 'web');
      await boxes.insert(config, structuredClone(state));
      const record = await boxes.get(config.id);
      assert.ok(record !== undefined, 'the box is not there');
      for (const given of [record, ...(await boxes.list())]) Object.assign(given.state, { status: 'running' });
      assert.deepEqual((await boxes.get(config.id))?.state, state);
    },
    'a change that throws changes nothing and the error arrives': async ({ store: { boxes } }) => {
      const { config, state } = exampleBox('box1');
      await boxes.insert(config, state);
      const reason = new Error('no');
      await assert.rejects(
        boxes.update(config.id, () => {
          throw reason;
        }),
        (thrown) => thrown === reason,
      );
      assert.deepEqual((await boxes.get(config.id))?.state, state);
      await boxes.update(config.id, (before) => ({ ...before, status: 'running' }));
    },
  },
  '`not_found`; `invalid_state` when the change is not an allowed transition': {
    'a forbidden transition is invalid_state and changes nothing; staying is always allowed': async ({
      store: { boxes },
    }) => {
      const { config, state } = exampleBox('box1');
      await boxes.insert(config, state);
      const error = await rejectsWith(
        boxes.update(config.id, (before) => ({ ...before, status: 'paused' })),
        'invalid_state',
      );
      assert.deepEqual([error.details.from, error.details.to], ['configured', 'paused']);
      assert.deepEqual((await boxes.get(config.id))?.state, state);
      await boxes.update(config.id, (before) => ({ ...before, errorReason: 'why' }));
      assert.equal((await boxes.get(config.id))?.state.errorReason, 'why');
    },
    'a change of a box that does not exist is not_found': async ({ store: { boxes } }) => {
      await rejectsWith(
        boxes.update(parseBoxId('none'), (before) => before),
        'not_found',
      );
    },
  },
  'References to base disks and snapshots of the box go with it': {
    'a deleted box takes its references and snapshots with it, and frees its name': async ({
      store: { boxes, baseDisks, snapshots },
    }) => {
      const { config, state } = exampleBox('box1', 'web');
      const base = exampleBaseDisk('base0001');
      await boxes.insert(config, state);
      await baseDisks.insert(base);
      await baseDisks.addReference(base.id, config.id);
      await snapshots.insert(exampleSnapshot('s1', config.id, { baseDiskId: base.id }));
      assert.equal(await boxes.delete(config.id), true);
      assert.equal(await boxes.delete(config.id), false);
      assert.deepEqual(await baseDisks.referencedBy(base.id), []);
      assert.deepEqual(await snapshots.list(config.id), []);
      assert.equal(await baseDisks.delete(base.id), true);
      await boxes.insert(exampleBox('box2', 'web').config, state);
    },
  },
};
