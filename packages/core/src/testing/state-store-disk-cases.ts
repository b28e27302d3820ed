import assert from 'node:assert/strict';
import type { ImageRecord } from '../contracts/state-store.js';
import { parseBaseDiskId, parseBoxId } from '../ids/box-id.js';
import type { RuledCases } from './define-cases.js';
import { rejectsWith } from './rejects-with.js';
import type { StateStoreContext } from './state-store-conformance.js';
import { exampleBaseDisk, exampleBox, exampleSnapshot } from './state-store-examples.js';

const DIGEST = `sha256:${'a'.repeat(64)}` as const;
const image: ImageRecord = {
  reference: 'registry.example/app:1',
  manifestDigest: DIGEST,
  configDigest: DIGEST,
  layers: [DIGEST],
  sizeBytes: 12,
  cachedAt: 1,
  complete: false,
};

export const stateStoreDiskCases: RuledCases<StateStoreContext> = {
  'One record a reference: `put` replaces the one before': {
    'put records an image and replaces the one of the same reference': async ({ store: { images } }) => {
      await images.put(image);
      await images.put({ ...image, complete: true });
      assert.deepEqual(await images.get(image.reference), { ...image, complete: true });
      assert.equal((await images.list()).length, 1);
    },
    'deleting an image says whether there was one': async ({ store: { images } }) => {
      await images.put(image);
      assert.equal(await images.delete(image.reference), true);
      assert.equal(await images.delete(image.reference), false);
      assert.equal(await images.get(image.reference), undefined);
    },
  },
  'Sets `lastUsedAt` and nothing else, in one transaction': {
    'a use is recorded without changing anything else, and never makes a record': async ({ store: { images } }) => {
      if (images.touch === undefined) return; // an optional ability
      assert.equal(await images.touch(image.reference, 5), false);
      assert.deepEqual(await images.list(), []);
      await images.put(image);
      assert.equal(await images.touch(image.reference, 5), true);
      assert.deepEqual(await images.get(image.reference), { ...image, lastUsedAt: 5 });
    },
  },
  'Found by id, or by the name their source gave': {
    'base disks are found by id, by the name their source gave, and by kind': async ({ store: { baseDisks } }) => {
      const named = exampleBaseDisk('base0001', { name: 'rootfs' });
      const nameless = exampleBaseDisk('base0002', { kind: 'snapshot', createdAt: 1_800_000_000 });
      for (const record of [named, nameless]) await baseDisks.insert(record);
      assert.deepEqual(await baseDisks.get(named.id), named);
      assert.deepEqual(await baseDisks.findByName('__global__', 'rootfs'), named);
      assert.equal(await baseDisks.findByName('another', 'rootfs'), undefined);
      assert.deepEqual(await baseDisks.list(), [named, nameless]);
      assert.deepEqual(await baseDisks.list('snapshot'), [nameless]);
    },
  },
  '`already_exists` when the id or (sourceBoxId, name) is taken': {
    'a taken id or name of a base disk is already_exists; another source may use the name': async ({
      store: { baseDisks },
    }) => {
      const record = exampleBaseDisk('base0001', { name: 'rootfs' });
      await baseDisks.insert(record);
      await rejectsWith(baseDisks.insert({ ...record, name: 'another' }), 'already_exists', 'id');
      await rejectsWith(baseDisks.insert({ ...record, id: parseBaseDiskId('base0002') }), 'already_exists', 'name');
      await baseDisks.insert({ ...record, id: parseBaseDiskId('base0003'), sourceBoxId: 'another' });
      for (const id of ['base0004', 'base0005']) await baseDisks.insert(exampleBaseDisk(id));
    },
  },
  'A base disk that a box or a snapshot refers to is not deleted (`invalid_state`, naming them)': {
    'a base disk that a box refers to is not deleted, and the refusal names the box': async ({
      store: { boxes, baseDisks },
    }) => {
      const { config, state } = exampleBox('box1');
      const base = exampleBaseDisk('base0001');
      await boxes.insert(config, state);
      await baseDisks.insert(base);
      await baseDisks.addReference(base.id, config.id);
      await baseDisks.addReference(base.id, config.id);
      assert.deepEqual(await baseDisks.referencedBy(base.id), [config.id]);
      assert.ok((await rejectsWith(baseDisks.delete(base.id), 'invalid_state')).message.includes(config.id));
      await baseDisks.removeReferences(config.id);
      assert.equal(await baseDisks.delete(base.id), true);
      assert.equal(await baseDisks.delete(base.id), false);
    },
    'a base disk that a snapshot refers to is not deleted': async ({ store: { boxes, baseDisks, snapshots } }) => {
      const { config, state } = exampleBox('box1');
      const base = exampleBaseDisk('base0001', { kind: 'snapshot' });
      await boxes.insert(config, state);
      await rejectsWith(snapshots.insert(exampleSnapshot('s1', config.id, { baseDiskId: base.id })), 'not_found');
      await baseDisks.insert(base);
      await snapshots.insert(exampleSnapshot('s1', config.id, { baseDiskId: base.id }));
      await rejectsWith(baseDisks.delete(base.id), 'invalid_state');
      await snapshots.delete(config.id, 'name of s1');
      assert.equal(await baseDisks.delete(base.id), true);
    },
  },
  'A reference needs both its ends (`not_found`)': {
    'a reference needs both its base disk and its box': async ({ store: { boxes, baseDisks } }) => {
      const { config, state } = exampleBox('box1');
      const base = exampleBaseDisk('base0001');
      await boxes.insert(config, state);
      await rejectsWith(baseDisks.addReference(base.id, config.id), 'not_found');
      await baseDisks.insert(base);
      await rejectsWith(baseDisks.addReference(base.id, parseBoxId('none')), 'not_found');
    },
  },
  'in the same transaction the box gives up its references to other base disks of this kind': {
    'a reference can take the place of those to other base disks of one kind, and of no other': async ({
      store: { boxes, baseDisks },
    }) => {
      const { config, state } = exampleBox('box1');
      const other = exampleBox('box2');
      await boxes.insert(config, state);
      await boxes.insert(other.config, other.state);
      const old = exampleBaseDisk('base0001', { name: 'old' });
      const current = exampleBaseDisk('base0002', { name: 'current' });
      const cloned = exampleBaseDisk('base0003', { kind: 'clone_base' });
      for (const record of [old, current, cloned]) await baseDisks.insert(record);
      for (const { id } of [old, cloned]) await baseDisks.addReference(id, config.id);
      await baseDisks.addReference(old.id, other.config.id);
      for (let time = 1; time <= 2; time++) await baseDisks.addReference(current.id, config.id, { replaces: 'rootfs' });
      assert.deepEqual(await baseDisks.referencedBy(old.id), [other.config.id]);
      assert.deepEqual(await baseDisks.referencedBy(current.id), [config.id]);
      assert.deepEqual(await baseDisks.referencedBy(cloned.id), [config.id]);
      const missing = parseBaseDiskId('base0009');
      await rejectsWith(baseDisks.addReference(missing, config.id, { replaces: 'rootfs' }), 'not_found');
      assert.deepEqual(await baseDisks.referencedBy(current.id), [config.id]);
    },
  },
  "A snapshot's name is unique within its box": {
    'snapshots belong to a box, with a name of their own in it': async ({ store: { boxes, snapshots } }) => {
      const { config, state } = exampleBox('box1');
      await boxes.insert(config, state);
      const snapshot = exampleSnapshot('s1', config.id, { name: 'clean' });
      await snapshots.insert(snapshot);
      assert.deepEqual(await snapshots.get(config.id, 'clean'), snapshot);
      assert.deepEqual(await snapshots.list(config.id), [snapshot]);
      await rejectsWith(snapshots.insert({ ...snapshot, id: 's2' }), 'already_exists', 'name');
      await rejectsWith(snapshots.insert({ ...snapshot, name: 'other' }), 'already_exists', 'id');
      await rejectsWith(snapshots.insert(exampleSnapshot('s3', 'none')), 'not_found');
      assert.equal(await snapshots.delete(config.id, 'clean'), true);
      assert.equal(await snapshots.delete(config.id, 'clean'), false);
    },
  },
};
