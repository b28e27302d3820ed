import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BaseDiskId, type BaseDiskRecord, parseBoxId } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { GLOBAL_SOURCE, versionKey } from '../src/index.js';
import { fakeAgent, GuestHome, sha256 } from './support/guest-home.js';
import { checkFileSystem, run } from './support/host.js';
import { testImage } from './support/test-home.js';

const names = async (directory: string) => (await readdir(directory).catch(() => [])) as string[];
const onlyRecord = (guest: GuestHome): BaseDiskRecord => [...guest.baseDisks.records.values()][0]!;

describe('getOrCreate of a guest rootfs', () => {
  it('makes a disk with the agent at boxlite/bin/boxlite-guest, records it under the global source, and holds a lease', async () => {
    const guest = await GuestHome.create();
    const held = await guest.manager().getOrCreate(undefined, { LEVEL: 'debug' });
    const { path, strategy, env } = held.rootfs;
    expect(strategy).toEqual({ kind: 'disk', diskPath: path });
    expect(env).toEqual({ LEVEL: 'debug' });
    await checkFileSystem(path);
    const agent = join(guest.home.directory, 'dumped');
    await run('debugfs', '-R', `dump /boxlite/bin/boxlite-guest ${agent}`, path);
    expect((await readFile(agent)).equals(fakeAgent('one'))).toBe(true);
    expect(await run('debugfs', '-R', 'stat /boxlite/bin/boxlite-guest', path)).toMatch(
      /Mode:\s+0755.*[\s\S]*User:\s+0\s+Group:\s+0/,
    );

    const record = onlyRecord(guest);
    expect(record).toMatchObject({
      sourceBoxId: '__global__',
      kind: 'rootfs',
      name: expect.stringMatching(new RegExp(`^[0-9a-f]{12}-${sha256(fakeAgent('one')).slice(0, 12)}$`)),
      basePath: join(guest.home.basesDir, `${record.id}.ext4`),
      containerDiskBytes: 0,
      sizeBytes: (await stat(path)).size,
      createdAt: 1_700_000_000,
    });
    expect(record.id).toMatch(/^[A-Za-z0-9]{8}$/);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await names(guest.home.tmpDir)).toEqual([]);
    expect([...guest.leases.held]).toEqual([{ entity: `base:${record.id}`, purpose: 'start', shared: true }]);
    await held.recordUse('box000000001');
    await held.release();
    await held.release();
    expect(guest.leases.held.size).toBe(0);
    expect(await guest.baseDisks.referencedBy(record.id)).toEqual(['box000000001']);
  });

  it('finds the disk again, also from another process, whatever the environment', async () => {
    const guest = await GuestHome.create();
    const first = await guest.manager().getOrCreate();
    const second = await guest.manager().getOrCreate(undefined, { OTHER: 'env' });
    expect(second.rootfs.path).toBe(first.rootfs.path);
    expect(await names(guest.home.basesDir)).toHaveLength(1);
  });

  it('of an image ensures its pure disk first, and keeps the image and the agent in the guest disk', async () => {
    const guest = await GuestHome.create();
    const { image, source } = testImage([
      [
        { name: 'etc/os-release', content: 'NAME=test' },
        { name: 'boxlite', type: 'symlink', linkName: '/etc' },
      ],
    ]);
    const images = { cache: guest.home.cache, source };
    const held = await guest.manager({ images }).getOrCreate(image);
    expect(held.record.name).toBe(versionKey(image.manifestDigest, sha256(fakeAgent('one'))));
    expect(await names(guest.home.diskImagesDir)).toHaveLength(1);
    await checkFileSystem(held.rootfs.path);
    expect(await run('debugfs', '-R', 'cat /etc/os-release', held.rootfs.path)).toBe('NAME=test');
    expect(await run('debugfs', '-R', 'stat /boxlite/bin/boxlite-guest', held.rootfs.path)).toContain('Size: 4096');
  });

  it('makes another disk for another agent', async () => {
    const guest = await GuestHome.create();
    await guest.manager().getOrCreate();
    await guest.setAgent('two');
    await guest.manager().getOrCreate();
    expect(await names(guest.home.basesDir)).toHaveLength(2);
  });

  it('deletes a record whose file is missing and makes the disk again', async () => {
    const guest = await GuestHome.create();
    const first = await guest.manager().getOrCreate();
    await first.release();
    await rm(first.rootfs.path);
    const second = await guest.manager().getOrCreate();
    expect(guest.baseDisks.records.size).toBe(1);
    expect(second.record.id).not.toBe(first.record.id);
    await checkFileSystem(second.rootfs.path);
  });

  it('gives boxes that refer to a missing file the same file back', async () => {
    const guest = await GuestHome.create();
    const first = await guest.manager().getOrCreate();
    await first.recordUse('box000000001');
    const before = await readFile(first.rootfs.path);
    await rm(first.rootfs.path);
    const second = await guest.manager().getOrCreate();
    expect(second.rootfs.path).toBe(first.rootfs.path);
    expect((await readFile(second.rootfs.path)).equals(before)).toBe(true);
  });

  it('takes a store that fails on lookup for a miss', async () => {
    const guest = await GuestHome.create();
    let failures = 1;
    guest.baseDisks.before = (operation) => {
      if (operation === 'findByName' && failures-- > 0) throw new Error('database is locked');
    };
    const held = await guest.manager().getOrCreate();
    expect(held.record).toBe(onlyRecord(guest));
    expect(guest.reports).toHaveLength(1);
  });

  it('returns the entry of a process that was first and removes its own file', async () => {
    const guest = await GuestHome.create();
    const theirPath = join(guest.home.basesDir, 'theirs00.ext4');
    guest.baseDisks.before = async (operation, record) => {
      if (operation !== 'insert' || guest.baseDisks.records.size > 0) return;
      await writeFile(theirPath, 'theirs');
      guest.baseDisks.records.set('theirs00', { ...record!, id: 'theirs00' as BaseDiskId, basePath: theirPath });
    };
    const held = await guest.manager().getOrCreate();
    expect(held.rootfs.path).toBe(theirPath);
    expect(await names(guest.home.basesDir)).toEqual(['theirs00.ext4']);
    expect(await names(guest.home.tmpDir)).toEqual([]);
  });

  it('deletes its file and passes the error on when it cannot be recorded and nobody else was first', async () => {
    const guest = await GuestHome.create();
    guest.baseDisks.before = (operation) => {
      if (operation === 'insert') throw new Error('disk I/O error');
    };
    await expect(guest.manager().getOrCreate()).rejects.toMatchObject({
      message: expect.stringContaining('disk I/O error'),
    });
    expect([await names(guest.home.basesDir), await names(guest.home.tmpDir)]).toEqual([[], []]);
    expect(guest.leases.held.size).toBe(0);
  });

  it('builds once for concurrent callers of a process', async () => {
    const guest = await GuestHome.create();
    const manager = guest.manager();
    const all = await Promise.all(Array.from({ length: 5 }, () => manager.getOrCreate()));
    expect(new Set(all.map(({ rootfs }) => rootfs.path)).size).toBe(1);
    expect(await names(guest.home.basesDir)).toHaveLength(1);
    expect(guest.leases.held.size).toBe(5);
  });

  it('leaves nothing when it is aborted', async () => {
    const guest = await GuestHome.create();
    await expect(guest.manager().getOrCreate(undefined, {}, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect([await names(guest.home.basesDir), await names(guest.home.tmpDir)]).toEqual([[], []]);
  });
});

describe('the use of a guest rootfs', () => {
  it('by a box takes the place of the one it used before, when the agent has changed, and of nothing else', async () => {
    const guest = await GuestHome.create();
    const old = await guest.manager().getOrCreate();
    for (const box of ['box000000001', 'box000000002']) await old.recordUse(box);
    const cloned = { ...old.record, id: 'clone001' as BaseDiskId, name: 'clone', kind: 'clone_base' as const };
    await guest.baseDisks.insert(cloned);
    await guest.baseDisks.addReference(cloned.id, parseBoxId('box000000001'));
    await guest.setAgent('two');
    const current = await guest.manager().getOrCreate();
    await current.recordUse('box000000001');
    await current.recordUse('box000000001');
    expect(await guest.baseDisks.referencedBy(old.record.id)).toEqual(['box000000002']);
    expect(await guest.baseDisks.referencedBy(current.record.id)).toEqual(['box000000001']);
    expect(await guest.baseDisks.referencedBy(cloned.id)).toEqual(['box000000001']);
  });

  it('is listed with the size on the host, the boxes and whether its agent is the current one', async () => {
    const guest = await GuestHome.create();
    const old = await guest.manager().getOrCreate();
    await old.recordUse('box000000001');
    await guest.setAgent('two');
    const current = await guest.manager().getOrCreate();
    await rm(current.rootfs.path);
    const { blocks } = await stat(old.rootfs.path);
    expect(await guest.manager().usage()).toEqual([
      {
        id: old.record.id,
        name: old.record.name,
        path: old.rootfs.path,
        sizeBytes: old.record.sizeBytes,
        diskBytes: blocks * 512,
        isCurrent: false,
        boxes: ['box000000001'],
      },
      expect.objectContaining({ id: current.record.id, diskBytes: 0, isCurrent: true, boxes: [] }),
    ]);
    await rm(guest.agentPath);
    expect(await guest.manager().usage()).toMatchObject([{ isCurrent: false }, { isCurrent: false }]);
  });
});

describe('the agent of a guest rootfs', () => {
  it.each([
    ['no ELF', Buffer.from('#!/bin/sh\n'.repeat(20))],
    [
      'for another architecture',
      Buffer.concat([fakeAgent('x').subarray(0, 18), Buffer.from([183, 0]), Buffer.alloc(100)]),
    ],
  ])('that is %s is refused', async (_what, bytes) => {
    const guest = await GuestHome.create();
    await writeFile(guest.agentPath, bytes);
    await expect(guest.manager().getOrCreate()).rejects.toMatchObject({ code: 'agent_invalid' });
    expect(await names(guest.home.basesDir)).toEqual([]);
  });

  it('that differs from the built-in hash is an error that says to rebuild', async () => {
    const guest = await GuestHome.create();
    await expect(guest.manager({ builtInAgentHash: 'f'.repeat(64) }).getOrCreate()).rejects.toMatchObject({
      code: 'agent_invalid',
      hint: expect.stringContaining('rebuild'),
    });
  });

  it('is hashed once, and a failure is remembered as well', async () => {
    const guest = await GuestHome.create();
    await rm(guest.agentPath);
    const manager = guest.manager();
    await expect(manager.getOrCreate()).rejects.toMatchObject({ code: 'agent_invalid' });
    await guest.setAgent('one');
    await expect(manager.getOrCreate()).rejects.toMatchObject({ code: 'agent_invalid' });
    await guest.manager().getOrCreate();
  });

  it('replaced since it was hashed gives its real hash to the key, which is looked up again', async () => {
    const guest = await GuestHome.create();
    const manager = guest.manager();
    await rm((await manager.getOrCreate()).rootfs.path);
    const newHash = await guest.setAgent('two');
    const held = await manager.getOrCreate();
    expect(held.record.name?.endsWith(`-${newHash.slice(0, 12)}`)).toBe(true);
    expect((await manager.getOrCreate()).rootfs.path).toBe(held.rootfs.path);
    expect(await names(guest.home.basesDir)).toHaveLength(1);
  });
});

describe('garbage collection of guest rootfs', () => {
  /** A recorded disk of an agent that is not the current one. */
  async function addOld(
    guest: GuestHome,
    id: string,
    name: string | undefined = `aaaaaaaaaaaa-${id.padEnd(12, '0')}`,
  ): Promise<BaseDiskRecord> {
    await mkdir(guest.home.basesDir, { recursive: true });
    const basePath = join(guest.home.basesDir, `${id}.ext4`);
    await writeFile(basePath, id);
    const record: BaseDiskRecord = {
      id: id as BaseDiskId,
      sourceBoxId: GLOBAL_SOURCE,
      kind: 'rootfs',
      basePath,
      containerDiskBytes: 0,
      sizeBytes: 1,
      createdAt: 1,
      ...(name === '' ? {} : { name }),
    };
    guest.baseDisks.records.set(id, record);
    return record;
  }

  it('deletes old and unnamed disks with their records, says how many, and keeps the one of the current agent', async () => {
    const guest = await GuestHome.create();
    const current = await guest.manager().getOrCreate();
    await current.release();
    await addOld(guest, 'old00001');
    await addOld(guest, 'unnamed1', '');
    expect(await guest.manager().gc()).toBe(2);
    expect(await names(guest.home.basesDir)).toEqual([`${current.record.id}.ext4`]);
    expect([...guest.baseDisks.records.keys()]).toEqual([current.record.id]);
    expect(guest.leases.held.size).toBe(0);
  });

  it('keeps what an overlay of a box is backed by, under whatever path it is named', async () => {
    const guest = await GuestHome.create();
    const old = await addOld(guest, 'old00001');
    await symlink(guest.home.basesDir, join(guest.home.directory, 'elsewhere'));
    await guest.addOverlay('box1', join(guest.home.directory, 'elsewhere', 'old00001.ext4'), 'guest-rootfs.qcow2');
    expect(await guest.manager().gc()).toBe(0);
    expect((await stat(old.basePath)).isFile()).toBe(true);
  });

  it('keeps what a box refers to without an overlay, and what a start holds', async () => {
    const guest = await GuestHome.create();
    const attached = await addOld(guest, 'attached');
    await guest.baseDisks.addReference(attached.id, 'box1' as never);
    await addOld(guest, 'starting');
    const lease = await guest.leases.acquire('base:starting', 'start', { shared: true });
    expect(await guest.manager().gc()).toBe(0);
    await lease.release();
    await guest.baseDisks.removeReferences('box1' as never);
    expect(await guest.manager().gc()).toBe(2);
  });

  it('keeps what a start is looking up or building, though nobody refers to it yet', async () => {
    const guest = await GuestHome.create();
    const held = await guest.manager().getOrCreate();
    await held.release();
    await guest.setAgent('two');
    const lease = await guest.leases.acquire(`guest-rootfs:${held.record.name}`, 'start', { shared: true });
    expect(await guest.manager().gc()).toBe(0);
    await lease.release();
    expect(await guest.manager().gc()).toBe(1);
    expect(guest.leases.held.size).toBe(0);
  });

  it('deletes nothing when any overlay cannot be read', async () => {
    const guest = await GuestHome.create();
    await addOld(guest, 'old00001');
    await writeFile(await guest.addOverlay('box1', ''), 'damaged');
    expect(await guest.manager().gc()).toBe(0);
    expect(await names(guest.home.basesDir)).toHaveLength(1);
    expect(guest.reports).toHaveLength(1);
  });

  it('deletes nothing when the current agent is not known', async () => {
    const guest = await GuestHome.create();
    await addOld(guest, 'old00001');
    await rm(guest.agentPath);
    expect(await guest.manager().gc()).toBe(0);
    expect(await names(guest.home.basesDir)).toHaveLength(1);
  });

  it('keeps the record until the file is gone', async () => {
    const guest = await GuestHome.create();
    const old = await addOld(guest, 'old00001');
    // A directory cannot be removed as a file: stands for a file that cannot be deleted.
    await rm(old.basePath);
    await mkdir(old.basePath);
    expect(await guest.manager().gc()).toBe(0);
    expect(guest.baseDisks.records.has(old.id)).toBe(true);
    await rm(old.basePath, { recursive: true });
    expect(await guest.manager().gc()).toBe(1);
    expect(guest.baseDisks.records.size).toBe(0);
  });

  it('leaves alone what is no guest rootfs, and deletes disks a crash left without a record', async () => {
    const guest = await GuestHome.create();
    await addOld(guest, 'orphan01');
    guest.baseDisks.records.clear();
    await writeFile(join(guest.home.basesDir, 'snapshot.qcow2'), 'backing=');
    await writeFile(join(guest.home.basesDir, 'notes.txt'), 'mine');
    const snapshot = await addOld(guest, 'snapsht1');
    guest.baseDisks.records.set('snapsht1', { ...snapshot, kind: 'snapshot' });
    expect(await guest.manager().gc()).toBe(1);
    expect((await names(guest.home.basesDir)).sort()).toEqual(['notes.txt', 'snapshot.qcow2', 'snapsht1.ext4']);
  });

  it('does not take a disk that is just being installed for one a crash left', async () => {
    const guest = await GuestHome.create();
    const other = guest.manager({ builtInAgentHash: 'f'.repeat(64) });
    guest.baseDisks.before = async (operation) => {
      if (operation !== 'insert') return;
      guest.baseDisks.before = () => undefined;
      expect(await other.gc()).toBe(0);
    };
    const held = await guest.manager().getOrCreate();
    await checkFileSystem(held.rootfs.path);
  });

  it('needs the home for itself, or the lease of a caller that has it', async () => {
    const guest = await GuestHome.create();
    await addOld(guest, 'old00001');
    const homeLease = await guest.leases.acquire('home', 'startup');
    await expect(guest.manager().gc()).rejects.toMatchObject({ code: 'lease_held' });
    expect(await guest.manager().gc({ homeLease })).toBe(1);
    expect(guest.leases.held.size).toBe(1);
  });

  it('is fine with a home without boxes and bases', async () => {
    expect(await (await GuestHome.create()).manager().gc()).toBe(0);
  });
});
