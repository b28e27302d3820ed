import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BaseDiskRecord, BoxId, DiskStore } from '@boxlite/core';
import { openStateStore } from '@boxlite/db';
import { createQcow2DiskStore } from '@boxlite/disk-qcow2';
import { createReflinkDiskStore } from '@boxlite/disk-reflink';
import { createBaseDiskId, createBoxId, createHomeLayout, currentBootId, isAlive, selfIdentity } from '@boxlite/layout';
import { afterEach, describe, expect, it } from 'vitest';
import { type LoopFileSystem, mountLoopFileSystem, whyNotMountable } from '../../disk-reflink/test/loop-file-system.js';

const MIB = 2 ** 20;
const noXfs = whyNotMountable('xfs');
const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** A home whose two boxes have a disk of one store. */
async function homeIn(directory: string) {
  const layout = createHomeLayout(join(directory, 'home'), { linkRoot: directory });
  await layout.prepare();
  const self = selfIdentity();
  const store = await openStateStore({ file: layout.databaseFile, bootId: currentBootId(), self, isAlive });
  ended.push(() => store.close());
  const image = join(layout.diskImagesDir, 'image.ext4');
  await writeFile(image, 'a file system');
  await truncate(image, 8 * MIB);
  const addBox = async () => {
    const id = createBoxId();
    await store.boxes.insert({ id, createdAt: 1, options: {} }, { status: 'stopped', updatedAt: 1 });
    const { disksDir } = layout.box(id);
    await layout.box(id).prepare();
    return { id, disk: join(disksDir, 'disk') };
  };
  return { layout, store, image, boxes: [await addBox(), await addBox()] as const };
}

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'base-disks-'));
  ended.push(() => rm(directory, { recursive: true }));
  return directory;
}

function xfsDirectory(): string {
  const mounted: LoopFileSystem = mountLoopFileSystem('xfs');
  ended.push(() => mounted.unmount());
  return mounted.directory;
}

const kinds: [string, () => DiskStore, () => Promise<string> | string, string | undefined][] = [
  ['qcow2 overlays', () => createQcow2DiskStore(), temporaryDirectory, undefined],
  [`raw clones${noXfs ? ` (${noXfs})` : ''}`, () => createReflinkDiskStore(), xfsDirectory, noXfs],
];

describe.each(kinds)('a base disk in bases/ made from a box with %s', (_, createStore, directory, reason) => {
  it.skipIf(reason !== undefined)(
    'is shared with a clone, referred to by both boxes, and not removed before neither refers to it',
    async () => {
      const disks = createStore();
      const { layout, store, image, boxes } = await homeIn(await directory());
      const [source, clone] = boxes;
      await disks.createChild(source.disk, { path: image, format: 'raw' });
      const id = createBaseDiskId();
      const basePath = join(layout.basesDir, `${id}.${disks.format}`);
      const { base } = (await disks.freeze?.(source.disk, basePath)) ?? {};
      if (base === undefined) throw new Error('the store cannot freeze');
      const record: BaseDiskRecord = {
        id,
        sourceBoxId: source.id,
        kind: 'clone_base',
        basePath,
        containerDiskBytes: base.virtualSize,
        sizeBytes: (await stat(basePath)).blocks * 512,
        createdAt: 1,
      };
      await store.baseDisks.insert(record);
      await disks.createChild(clone.disk, base);
      for (const box of boxes) await store.baseDisks.addReference(id, box.id);

      const refused = { code: 'invalid_state', details: { boxes: expect.arrayContaining<BoxId>([clone.id]) } };
      await expect(store.baseDisks.delete(id)).rejects.toMatchObject(refused);
      // A box that goes takes its reference with it; the other still stands on the base.
      await store.boxes.delete(source.id);
      await expect(store.baseDisks.delete(id)).rejects.toMatchObject(refused);
      const [top] = await disks.chain(clone.disk, disks.format);
      expect(top?.virtualSize).toBe(8 * MIB);
      await store.boxes.delete(clone.id);
      expect(await store.baseDisks.delete(id)).toBe(true);
      expect(await readdir(layout.basesDir)).toEqual([`${id}.${disks.format}`]);
    },
  );
});
