import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Boxlite, type BoxliteOptions } from '@boxlite/sdk';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { failureOf } from '../../../test/support/failure-of.js';
import { startDockerRegistry } from '../../images/test/docker-registry.js';
import { sampleImage } from '../../images/test/sample-image.js';
import { openHome, openStore, plantDisk } from './support/image-home.js';

/** Puts files of a home as if boxes had been started in it. */
async function plantKernels(boxlite: Boxlite): Promise<string> {
  const name = createHash('sha256').update('an old kernel').digest('hex');
  await writeFile(join(boxlite.homeDir, 'kernels', name), Buffer.alloc(8192, 1));
  return name;
}

describe('a box whose disk was spoiled', () => {
  it('keeps neither usage from being told nor blobs from being pruned; no disk is removed then', async () => {
    const image = await sampleImage();
    const registry = await startDockerRegistry();
    await registry.push(image.reference, 'app:1');
    const homeDir = await mkdtemp(join(tmpdir(), 'boxlite-sdk-'));
    const log: string[] = [];
    const boxlite = await openHome({ homeDir, log: ({ level, message }) => log.push(`${level}: ${message}`) });
    await boxlite.images.pull(`${registry.host}/app:1`);
    const disk = await plantDisk(boxlite, `oci:${image.directory}`);
    const { id } = await boxlite.create({ name: 'web' });
    await mkdir(join(homeDir, 'boxes', id, 'disks'), { recursive: true });
    await writeFile(join(homeDir, 'boxes', id, 'disks', 'disk.qcow2'), 'not a disk');
    const { kinds } = await boxlite.system.df();
    expect(kinds.find(({ kind }) => kind === 'image-disks')).toMatchObject({
      count: 1,
      active: 1,
      reclaimableBytes: 0,
    });
    expect(await boxlite.system.prune({ all: true })).toMatchObject({
      images: [`${registry.host}/app:1`],
      imageDisks: { count: 0 },
      blobs: { count: 4 },
    });
    expect(existsSync(disk)).toBe(true);
    expect(log.join('\n')).toMatch(/^warn: which boxes stand on which image disks cannot be told$/m);
  });
});

describe('the storage of a home', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('adds up by kind, in blocks on disk', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage();
    await registry.push(image.reference, 'app:1');
    const boxlite = await openHome();
    await boxlite.images.pull(`${registry.host}/app:1`);
    await boxlite.create({ name: 'web', image: `${registry.host}/app:1` });
    const { kinds } = await boxlite.system.df();
    expect(kinds.map(({ kind }) => kind)).toEqual([
      'images',
      'image-disks',
      'guest-rootfs',
      'kernels',
      'templates',
      'boxes',
      'snapshots',
      'staging',
    ]);
    const images = kinds.find(({ kind }) => kind === 'images');
    expect(images).toMatchObject({ count: 1, active: 1, reclaimableBytes: 0, entries: [{ usedBy: ['web'] }] });
    expect(images?.bytes).toBeGreaterThan(400_000);
    await boxlite.remove('web');
    const after = (await boxlite.system.df()).kinds.find(({ kind }) => kind === 'images');
    expect(after).toMatchObject({ active: 0, reclaimableBytes: images?.bytes });
    const { freedBytes } = await boxlite.system.prune({ all: true });
    expect(freedBytes).toBe(images?.bytes);
    expect((await boxlite.system.df()).bytes).toBe(0);
  });

  it('says of a sparse file what it takes, not what it seems to', async () => {
    const boxlite = await openHome();
    await boxlite.create({ name: 'web' });
    const [box] = await boxlite.list();
    const disks = join(boxlite.homeDir, 'boxes', box?.id ?? '', 'disks');
    await mkdir(disks, { recursive: true });
    await writeFile(join(disks, 'data'), 'x');
    await truncate(join(disks, 'data'), 2 ** 40);
    const boxes = (await boxlite.system.df()).kinds.find(({ kind }) => kind === 'boxes');
    expect(boxes).toMatchObject({ count: 1, active: 0, reclaimableBytes: 0 });
    expect(boxes?.bytes).toBeLessThan(100_000);
  });

  it('is tidied of kernels that are not booted any more, but not while a box is being started', async () => {
    const boxlite = await openHome();
    vi.stubEnv('BOXLITE_KERNEL', 'libkrunfw');
    const { createLibkrunfwKernelSource } = await import('@boxlite/guest-kernel');
    await createLibkrunfwKernelSource({ home: boxlite.homeDir }).kernel();
    const old = await plantKernels(boxlite);
    const starting = await openStore(boxlite);
    const lease = await starting.leases.acquire('box:somebody', 'start');
    expect((await boxlite.system.prune()).kernels).toEqual({ count: 0, bytes: 0 });
    await lease.release();
    expect((await boxlite.system.prune({ dryRun: true })).kernels).toEqual({ count: 1, bytes: 8192 });
    expect((await boxlite.system.prune()).kernels).toEqual({ count: 1, bytes: 8192 });
    const left = await readdir(join(boxlite.homeDir, 'kernels'));
    expect(left).not.toContain(old);
    expect(left.filter((name) => /^[0-9a-f]{64}$/.test(name))).toHaveLength(1);
  });

  it('waits for another collection, and can be aborted meanwhile', async () => {
    const boxlite = await openHome();
    const other = await openStore(boxlite);
    const lease = await other.leases.acquire('home', 'gc');
    const abort = new AbortController();
    const pruning = failureOf(boxlite.system.prune({ signal: abort.signal }));
    abort.abort();
    expect(await pruning).toMatchObject({ code: 'aborted' });
    await lease.release();
    expect(await boxlite.system.prune()).toMatchObject({ dryRun: false, freedBytes: 0 });
  });

  it('keeps what was used since the moment given', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage();
    await registry.push(image.reference, 'app:1');
    const boxlite = await openHome();
    await boxlite.images.pull(`${registry.host}/app:1`);
    const hourAgo = new Date(Date.now() - 3_600_000);
    expect(await boxlite.system.prune({ all: true, until: hourAgo })).toMatchObject({ images: [], freedBytes: 0 });
    for (const prune of [boxlite.images.prune.bind(boxlite.images), boxlite.system.prune.bind(boxlite.system)]) {
      expect(await failureOf(prune({ until: new Date('never') }))).toMatchObject({ code: 'invalid_argument' });
    }
    expect(await boxlite.images.prune({ all: true, until: new Date() })).toMatchObject({
      images: [`${registry.host}/app:1`],
    });
  });
});

describe('a home that is pruned without a pause', () => {
  it('gives every pull an image that is whole', async () => {
    const registry = await startDockerRegistry();
    const image = await sampleImage({ layers: 3 });
    await registry.push(image.reference, 'app:1');
    const reference = `${registry.host}/app:1`;
    const pruner = await openHome();
    const puller = await openHome({ homeDir: pruner.homeDir });
    let over = false;
    let prunes = 0;
    const pruning = (async () => {
      while (!over) {
        await pruner.images.prune({ all: true });
        prunes += 1;
      }
    })();
    const { holdImage, BlobStore } = await import('@boxlite/images');
    const { createHomeLayout } = await import('@boxlite/layout');
    const blobs = new BlobStore(createHomeLayout(puller.homeDir), { leases: (await openStore(puller)).leases });
    let whole = 0;
    while (prunes < 5 || whole === 0) {
      const pulled = await puller.images.pull(reference);
      await using _held = await holdImage(blobs, pulled, 'test');
      // Held a moment after the pull: what was collected in between is missing, but nothing is ever half there.
      for (const layer of pulled.layers) {
        if (!(await blobs.has('layers', layer))) continue;
        expect(await blobs.verify('layers', layer)).toBe(true);
        whole += 1;
      }
    }
    over = true;
    await pruning;
    await puller.images.pull(reference);
    expect((await puller.images.get(reference))?.missing).toEqual([]);
  });
});

describe('a cache with bounds', () => {
  it('evicts what was used least recently, when a home is opened, and logs it', async () => {
    const registry = await startDockerRegistry();
    const boxlite = await openHome();
    const references = [`${registry.host}/old:1`, `${registry.host}/new:1`];
    for (const [index, reference] of references.entries()) {
      await registry.push(
        (await sampleImage({ name: `i${index}` })).reference,
        reference.slice(registry.host.length + 1),
      );
      await boxlite.images.pull(reference);
    }
    await age(boxlite, references);
    await boxlite.shutdown();
    const log: string[] = [];
    const bounded = await Boxlite.open({
      homeDir: boxlite.homeDir,
      cache: { maxBytes: 500_000 },
      log: ({ message }) => log.push(message),
    });
    await bounded.shutdown();
    const again = await Boxlite.open({ homeDir: boxlite.homeDir });
    expect((await again.images.list()).map(({ reference }) => reference)).toEqual([references[1]]);
    await again.shutdown();
    expect(log.join()).toMatch(/evicted from the image cache: .*old:1.* 4 blobs/);
  });

  it('evicts what was not used for too long after a pull, never what was just pulled', async () => {
    const registry = await startDockerRegistry();
    const boxlite = await openHome({ cache: { maxBytes: 0, maxAgeDays: 1 } });
    await registry.push((await sampleImage()).reference, 'one:1');
    await registry.push((await sampleImage({ name: 'b' })).reference, 'two:1');
    await boxlite.images.pull(`${registry.host}/one:1`);
    await age(boxlite, [`${registry.host}/one:1`]);
    await boxlite.images.pull(`${registry.host}/two:1`);
    await boxlite.shutdown();
    const again = await Boxlite.open({ homeDir: boxlite.homeDir });
    expect((await again.images.list()).map(({ reference }) => reference)).toEqual([`${registry.host}/two:1`]);
    await again.shutdown();
  });

  it('evicts disks too, and before the layers they can be made from again', async () => {
    const image = await sampleImage();
    const boxlite = await openHome();
    await boxlite.images.pull(`oci:${image.directory}`);
    const disk = await plantDisk(boxlite, `oci:${image.directory}`);
    const longAgo = new Date(Date.now() - 10 * 86_400_000);
    await utimes(disk, longAgo, longAgo);
    await boxlite.shutdown();
    const bounded = await Boxlite.open({ homeDir: boxlite.homeDir, cache: { maxAgeDays: 7 } });
    await bounded.shutdown();
    expect(existsSync(disk)).toBe(false);
    const again = await Boxlite.open({ homeDir: boxlite.homeDir });
    expect((await again.images.list()).map(({ reference }) => reference)).toEqual([`oci:${image.directory}`]);
    await again.shutdown();
  });

  it.each([[{ maxBytes: -1 }], [{ maxBytes: 1.5 }], [{ maxAgeDays: 0 }], [{ maxGb: 1 }]])(
    'is refused with %j',
    async (cache) => {
      const homeDir = join(tmpdir(), 'boxlite-never-made');
      const failure = await failureOf(Boxlite.open({ homeDir, cache: cache as BoxliteOptions['cache'] & object }));
      expect(failure).toMatchObject({ code: 'invalid_argument', details: { field: /^cache\./ } });
      expect(existsSync(homeDir)).toBe(false);
    },
  );
});

/** Makes images look as if they were cached days ago, the first the longest. */
async function age(boxlite: Boxlite, references: readonly string[]): Promise<void> {
  const store = await openStore(boxlite);
  for (const [index, reference] of references.entries()) {
    const record = await store.images.get(reference);
    if (record === undefined) throw new Error(`${reference} is not recorded`);
    const { lastUsedAt: _lastUsedAt, ...rest } = record;
    const days = references.length - index + 1;
    await store.images.put({ ...rest, cachedAt: Date.now() - days * 86_400_000 });
  }
}
