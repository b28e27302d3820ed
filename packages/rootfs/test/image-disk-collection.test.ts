import { link, mkdir, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import {
  collectImageDisks,
  type ImageDiskHome,
  type ImageDiskPolicy,
  imageDiskLeaseEntity,
  imageDiskUsage,
} from '../src/index.js';
import { GuestHome, readTextOverlay } from './support/guest-home.js';

const KEYS = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
const [A, B, C] = KEYS;

/** A home with three disks of 8 KiB, used one after another, and overlays that are text files naming what they are backed by. */
async function create() {
  const guest = await GuestHome.create();
  const { diskImagesDir, boxesDir, basesDir } = guest.home;
  const reports: string[] = [];
  const home: ImageDiskHome = {
    diskImagesDir,
    boxesDir,
    basesDir,
    leases: guest.leases,
    diskStore: { backingPath: readTextOverlay },
    report: (what) => reports.push(what),
  };
  const pathOf = (key: string) => join(diskImagesDir, `${key}.ext4`);
  for (const [index, key] of KEYS.entries()) {
    await writeFile(pathOf(key), Buffer.alloc(8192, 1));
    await utimes(pathOf(key), 1000, 1000 + index);
  }
  return {
    guest,
    home,
    reports,
    pathOf,
    usage: () => imageDiskUsage(home),
    collect: (policy: ImageDiskPolicy) => collectImageDisks(home, policy),
    left: async () => (await readdir(diskImagesDir)).map((name) => name[0]).join(''),
  };
}

const keysOf = (disks: readonly { readonly key: string }[]) => disks.map(({ key }) => key[0]).join('');

describe('the image disks of a home', () => {
  it('are listed with their size on the host, last use, and what refers to them, the least recently used first', async () => {
    const { guest, usage, pathOf } = await create();
    await guest.addOverlay('box1', pathOf(B));
    await guest.addOverlay('box2', pathOf(B));
    await mkdir(guest.home.basesDir, { recursive: true });
    await writeFile(join(guest.home.basesDir, 'base0001.qcow2'), `backing=${pathOf(C)}`);
    const lease = await guest.leases.acquire(imageDiskLeaseEntity(A), 'start', { shared: true });
    const common = { sizeBytes: 8192, diskBytes: 8192 };
    expect(await usage()).toEqual([
      {
        ...common,
        key: A,
        path: pathOf(A),
        lastUsedAt: 1_000_000,
        boxes: [],
        bases: [],
        leases: [expect.objectContaining({ pid: process.pid, purpose: 'start' })],
      },
      { ...common, key: B, path: pathOf(B), lastUsedAt: 1_001_000, boxes: ['box1', 'box2'], bases: [], leases: [] },
      { ...common, key: C, path: pathOf(C), lastUsedAt: 1_002_000, boxes: [], bases: ['base0001.qcow2'], leases: [] },
    ]);
    await lease.release();
  });

  it('are told by what is no disk: other names, directories, links', async () => {
    const { home, usage, pathOf } = await create();
    await mkdir(join(home.diskImagesDir, `${'d'.repeat(64)}.ext4`));
    await symlink(pathOf(A), join(home.diskImagesDir, `${'e'.repeat(64)}.ext4`));
    await writeFile(join(home.diskImagesDir, 'notes.txt'), '');
    expect(keysOf(await usage())).toBe('abc');
  });

  it('are none where there is no directory', async () => {
    const { home, usage, collect } = await create();
    await rm(home.diskImagesDir, { recursive: true });
    expect(await usage()).toEqual([]);
    expect(await collect({ all: true })).toEqual({ removed: [], freedBytes: 0, remainingBytes: 0 });
  });

  it('cannot be told apart while an overlay cannot be read', async () => {
    const { guest, usage } = await create();
    await writeFile(await guest.addOverlay('box1', 'x'), 'damaged');
    await expect(usage()).rejects.toMatchObject({ code: 'disk_invalid' });
  });

  it('are told while a box is removed: its overlay is gone when it is looked at', async () => {
    const { guest, home, pathOf } = await create();
    await guest.addOverlay('box1', pathOf(A));
    const vanishing = async (overlay: string) => {
      await rm(overlay);
      throw new BoxliteError('not_found', `${overlay} is gone`);
    };
    expect((await imageDiskUsage({ ...home, diskStore: { backingPath: vanishing } }))[0]).toMatchObject({ boxes: [] });
  });
});

describe('collecting image disks', () => {
  it('removes what the limits say, the least recently used first, and tells what it freed', async () => {
    const { collect, left } = await create();
    expect(await collect({})).toMatchObject({ removed: [], freedBytes: 0, remainingBytes: 24_576 });
    const { removed, ...sums } = await collect({ maxBytes: 10_000 });
    expect([keysOf(removed), sums, await left()]).toEqual(['ab', { freedBytes: 16_384, remainingBytes: 8192 }, 'c']);
    expect(keysOf((await collect({ maxAgeMs: 5000, now: () => 1_007_001 })).removed)).toBe('c');
  });

  it('tells what would go without removing it', async () => {
    const { collect, left } = await create();
    const { removed, ...sums } = await collect({ all: true, dryRun: true });
    expect([keysOf(removed), sums, await left()]).toEqual(['abc', { freedBytes: 24_576, remainingBytes: 0 }, 'abc']);
  });

  it('keeps what overlays of boxes and bases stand on, compared by device and inode', async () => {
    const { guest, collect, left, pathOf } = await create();
    const alias = join(guest.home.directory, 'alias.ext4');
    await link(pathOf(A), alias);
    await guest.addOverlay('box1', alias);
    const elsewhere = join(guest.home.directory, 'elsewhere');
    await symlink(guest.home.diskImagesDir, elsewhere);
    await mkdir(guest.home.basesDir, { recursive: true });
    await writeFile(join(guest.home.basesDir, 'base0001.qcow2'), `backing=${join(elsewhere, `${B}.ext4`)}`);
    expect(keysOf((await collect({ all: true })).removed)).toBe('c');
    expect(await left()).toBe('ab');
  });

  it('keeps what a start holds', async () => {
    const { guest, collect, left } = await create();
    const lease = await guest.leases.acquire(imageDiskLeaseEntity(B), 'start', { shared: true });
    expect(keysOf((await collect({ all: true })).removed)).toBe('ac');
    await lease.release();
    await collect({ all: true });
    expect(await left()).toBe('');
  });

  it('keeps what a start has made its overlay of since the limits were looked at', async () => {
    const { guest, home, collect, left, pathOf } = await create();
    const acquire = home.leases.acquire.bind(home.leases);
    guest.leases.acquire = async (...args) => {
      // A start that is through: overlay there, lease given back, before the collection asks for the lease.
      if (args[0] === imageDiskLeaseEntity(B)) await guest.addOverlay('box1', pathOf(B));
      return acquire(...args);
    };
    expect(keysOf((await collect({ all: true })).removed)).toBe('ac');
    expect(await left()).toBe('b');
  });

  it('removes nothing while an overlay cannot be read, also when that comes up late', async () => {
    const { guest, home, collect, left } = await create();
    const acquire = home.leases.acquire.bind(home.leases);
    guest.leases.acquire = async (...args) => {
      if (args[0] === imageDiskLeaseEntity(C)) await writeFile(await guest.addOverlay('box1', 'x'), 'damaged');
      return acquire(...args);
    };
    await expect(collect({ all: true })).rejects.toMatchObject({ code: 'disk_invalid' });
    await expect(collect({ all: true })).rejects.toMatchObject({ code: 'disk_invalid' });
    expect([await left(), guest.leases.held.size]).toEqual(['abc', 0]);
  });

  it('goes on with the others when one cannot be removed, and reports it', async () => {
    const { home, collect, left, reports, pathOf } = await create();
    const acquire = home.leases.acquire.bind(home.leases);
    home.leases.acquire = async (...args) => {
      // What replaces the file cannot be removed like one.
      if (args[0] === imageDiskLeaseEntity(A)) {
        await rename(pathOf(A), `${pathOf(A)}.aside`);
        await mkdir(pathOf(A));
      }
      return acquire(...args);
    };
    expect(keysOf((await collect({ all: true })).removed)).toBe('bc');
    expect(reports).toEqual([`removing the image disk ${pathOf(A)}`]);
    expect(await left()).toBe('aa');
  });

  it('needs the home for itself, or the lease of a caller that has it', async () => {
    const { guest, collect, left } = await create();
    const homeLease = await guest.leases.acquire('home', 'gc');
    await expect(collect({ all: true })).rejects.toMatchObject({ code: 'lease_held' });
    expect(await left()).toBe('abc');
    await collect({ all: true, homeLease });
    expect([await left(), guest.leases.held.size]).toEqual(['', 1]);
  });
});
