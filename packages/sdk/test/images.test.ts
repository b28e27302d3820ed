import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Boxlite } from '@boxlite/sdk';
import { describe, expect, it } from 'vitest';
import { failureOf } from '../../../test/support/failure-of.js';
import { startDockerRegistry } from '../../images/test/docker-registry.js';
import { sampleImage } from '../../images/test/sample-image.js';
import { openHome, openStore, plantDisk } from './support/image-home.js';

const filesIn = async (boxlite: Boxlite, directory: string) => readdir(join(boxlite.homeDir, 'images', directory));

describe('the images of a runtime', () => {
  it('are pulled again when asked for, so that a tag means what it means now', async () => {
    const registry = await startDockerRegistry();
    const [one, two] = [await sampleImage(), await sampleImage({ name: 'other' })];
    const reference = `${registry.host}/app:1`;
    const boxlite = await openHome();
    await registry.push(one.reference, 'app:1');
    expect((await boxlite.images.pull(reference)).manifestDigest).toBe(one.manifestDigest);
    await registry.push(two.reference, 'app:1');
    expect((await boxlite.images.pull(reference, { pull: 'missing' })).manifestDigest).toBe(one.manifestDigest);
    expect((await boxlite.images.pull(reference)).manifestDigest).toBe(two.manifestDigest);

    expect(await boxlite.images.list()).toMatchObject([{ reference, manifestDigest: two.manifestDigest, boxes: [] }]);
    expect(await boxlite.images.prune({ dryRun: true })).toMatchObject({ images: [], blobs: { count: 4 } });
    const { freedBytes } = await boxlite.images.prune();
    expect(freedBytes).toBeGreaterThan(400_000);
    expect(await filesIn(boxlite, 'layers')).toHaveLength(2);
    await registry.stop();
    expect((await boxlite.images.pull(reference, { pull: 'never' })).manifestDigest).toBe(two.manifestDigest);
  });

  it('are found by any form of their name and by the beginning of their id', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage();
    await registry.push(image.reference, 'team/app:latest');
    const boxlite = await openHome();
    const { configDigest } = await boxlite.images.pull(`${registry.host}/team/app`);
    const reference = `${registry.host}/team/app:latest`;
    for (const name of [reference, `${registry.host}/team/app`, configDigest, configDigest.slice(7, 19)]) {
      expect(await boxlite.images.get(name), name).toMatchObject({ reference });
    }
    expect(await boxlite.images.get('team/app')).toBeNull();
    expect(await boxlite.images.inspect(configDigest)).toMatchObject({
      reference,
      references: [reference],
      platform: { os: 'linux' },
      config: { cmd: ['/bin/sh'], env: ['PATH=/bin'] },
      layers: [{ size: expect.any(Number) }, {}],
      boxes: [],
    });
    expect(await failureOf(boxlite.images.inspect('nothing'))).toMatchObject({
      code: 'image_not_found',
      hint: /images/,
    });
  });

  it('are searched for in the registries that say so, in their order', async () => {
    const [first, second] = [await startDockerRegistry(), await startDockerRegistry()];
    const image = await sampleImage();
    await second.push(image.reference, 'app:1');
    const boxlite = await openHome({
      registries: [
        { host: first.host, search: true },
        { host: second.host, search: true },
      ],
    });
    expect((await boxlite.images.pull('app:1')).reference).toBe(`${second.host}/app:1`);
    expect(await boxlite.images.get('app:1')).toMatchObject({ reference: `${second.host}/app:1` });
  });

  it('that are read in place are listed, inspected and forgotten, and their directory is left alone', async () => {
    const image = await sampleImage();
    const boxlite = await openHome();
    await boxlite.images.pull(`oci:${image.directory}`);
    expect(await boxlite.images.list()).toMatchObject([
      { reference: `oci:${image.directory}`, uniqueBytes: 0, missing: expect.arrayContaining([image.manifestDigest]) },
    ]);
    expect(await boxlite.images.inspect(`oci:${image.directory}`)).toMatchObject({ config: { cmd: ['/bin/sh'] } });
    await boxlite.images.remove(`oci:${image.directory}`);
    expect(await boxlite.images.list()).toEqual([]);
    expect(existsSync(join(image.directory, 'index.json'))).toBe(true);
  });

  it('are not removed while a box was made from them, or will be, and the error names the box', async () => {
    const image = await sampleImage();
    const reference = `oci:${image.directory}`;
    const boxlite = await openHome();
    await boxlite.images.pull(reference);
    await boxlite.create({ image: reference, name: 'web' });
    const failure = await failureOf(boxlite.images.remove(reference));
    expect(failure).toMatchObject({
      code: 'invalid_state',
      message: /box web/,
      hint: /force/,
      details: { boxes: ['web'] },
    });
    expect((await boxlite.images.prune({ all: true })).images).toEqual([]);
    expect(await boxlite.images.remove(reference, { force: true })).toMatchObject({ references: [reference] });
    expect(await failureOf(boxlite.images.remove(reference))).toMatchObject({ code: 'image_not_found' });
  });

  it('keep the blobs that another of them needs', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage();
    for (const name of ['app:1', 'app:2']) await registry.push(image.reference, name);
    const boxlite = await openHome();
    for (const name of ['app:1', 'app:2']) await boxlite.images.pull(`${registry.host}/${name}`);
    expect(await boxlite.images.remove(`${registry.host}/app:1`)).toMatchObject({ blobs: 0, freedBytes: 0 });
    expect(await filesIn(boxlite, 'layers')).toHaveLength(2);
    expect(await boxlite.images.remove(`${registry.host}/app:2`)).toMatchObject({ blobs: 4 });
    expect(await filesIn(boxlite, 'layers')).toEqual([]);
  });

  it('that have several names are not removed by their id unless forced, which takes them all', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage();
    for (const name of ['app:1', 'app:2']) await registry.push(image.reference, name);
    const boxlite = await openHome();
    const names = ['app:1', 'app:2'].map((name) => `${registry.host}/${name}`);
    for (const name of names) await boxlite.images.pull(name);
    const id = (await boxlite.images.get(names[0] ?? ''))?.configDigest.slice(7, 19) ?? '';
    const failure = await failureOf(boxlite.images.remove(id));
    expect(failure).toMatchObject({ code: 'invalid_state', hint: /force/ });
    expect((failure.details.references as string[]).toSorted()).toEqual(names);
    expect((await boxlite.images.remove(id, { force: true })).references.toSorted()).toEqual(names);
    expect(await boxlite.images.list()).toEqual([]);
  });

  it('go to an archive and come back from it, from a file or a stream', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage();
    await registry.push(image.reference, 'app:1');
    const [from, to] = [await openHome(), await openHome()];
    const reference = `${registry.host}/app:1`;
    await from.images.pull(reference);
    const archive = join(from.homeDir, 'saved.tar');
    const { bytes } = await from.images.save(reference, archive);
    expect((await stat(archive)).size).toBe(bytes);
    const [loaded] = await to.images.load(archive);
    expect(loaded).toMatchObject({ references: [reference], named: true });
    expect(loaded?.image.manifestDigest).toBe(image.manifestDigest);
    await to.images.remove(reference);
    const { createReadStream } = await import('node:fs');
    expect(await to.images.load(createReadStream(archive))).toMatchObject([{ references: [reference] }]);
    expect((await to.images.list()).map((one) => one.reference)).toEqual([reference]);
    expect(await failureOf(to.images.save('nothing', archive))).toMatchObject({ code: 'image_not_found' });
    expect(await failureOf(to.images.save([], archive))).toMatchObject({ code: 'invalid_argument' });
  });
});

describe('the disks of images', () => {
  it('go with their image, also when its source is not here any more, and not before', async () => {
    const image = await sampleImage();
    const boxlite = await openHome();
    await boxlite.images.pull(`oci:${image.directory}`);
    const disk = await plantDisk(boxlite, `oci:${image.directory}`);
    await rm(image.directory, { recursive: true });
    expect(await boxlite.system.prune()).toMatchObject({ imageDisks: { count: 0 } });
    const { kinds } = await boxlite.system.df();
    const disks = kinds.find(({ kind }) => kind === 'image-disks');
    expect(disks).toMatchObject({ count: 1, active: 0, entries: [{ name: `oci:${image.directory}` }] });
    expect(disks?.reclaimableBytes).toBe(disks?.bytes);
    const removed = await boxlite.images.remove(`oci:${image.directory}`);
    expect(removed).toMatchObject({ blobs: 0, imageDisks: 1, freedBytes: disks?.bytes });
    expect(existsSync(disk)).toBe(false);
  });

  it('stay while another process holds them, and go afterwards', async () => {
    const image = await sampleImage();
    const boxlite = await openHome();
    const disk = await plantDisk(boxlite, `oci:${image.directory}`);
    const other = await openStore(boxlite);
    const { imageDiskLeaseEntity } = await import('@boxlite/rootfs');
    const { basename } = await import('node:path');
    const entity = imageDiskLeaseEntity(basename(disk).replace(/\.ext4$/, ''));
    const lease = await other.leases.acquire(entity, 'start', { shared: true });
    expect(await boxlite.system.prune({ all: true })).toMatchObject({ imageDisks: { count: 0 } });
    expect(existsSync(disk)).toBe(true);
    await lease.release();
    expect(await boxlite.system.prune()).toMatchObject({ imageDisks: { count: 1 } });
    expect(existsSync(disk)).toBe(false);
  });
});
