import { mkdtempSync } from 'node:fs';
import { appendFile, open, readdir, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginRegistry } from '@boxlite/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createReflinkDiskStore, reflinkDiskStorePlugin } from '../src/index.js';
import { CLONING_FILE_SYSTEMS, type LoopFileSystem, mountLoopFileSystem, whyNotMountable } from './loop-file-system.js';

const MIB = 2 ** 20;
const store = createReflinkDiskStore();

for (const type of CLONING_FILE_SYSTEMS) {
  const reason = whyNotMountable(type);
  describe.skipIf(reason !== undefined)(`a clone on ${type}${reason ? ` (${reason})` : ''}`, () => {
    let mounted: LoopFileSystem;
    const at = (name: string) => join(mounted.directory, name);
    beforeAll(async () => {
      mounted = mountLoopFileSystem(type);
      // In the file system's own blocks: what is only in memory has not taken its space yet.
      const base = await open(at('base'), 'wx');
      await base.writeFile(Buffer.alloc(64 * MIB, 7));
      await base.sync();
      await base.close();
    });
    afterAll(() => mounted.unmount());

    it('takes no space of its own until it is written, and writes to either are not in the other', async () => {
      const free = async () => {
        const { bavail, bsize } = await statfs(mounted.directory);
        return bavail * bsize;
      };
      const before = await free();
      const disk = await store.createChild(at('disk'), { path: at('base'), format: 'raw' }, { virtualSize: 128 * MIB });
      expect(before - (await free())).toBeLessThan(8 * MIB);
      expect((await stat(disk.path)).size).toBe(128 * MIB);

      const { base } = await store.freeze(disk.path, at('frozen'));
      const handle = await open(disk.path, 'r+');
      await handle.write(Buffer.alloc(MIB, 9), 0, MIB, 5 * MIB);
      await handle.close();
      expect((await readFile(at('base')))[5 * MIB]).toBe(7);
      expect((await readFile(base.path)).subarray(5 * MIB - 1, 5 * MIB + 2)).toEqual(Buffer.alloc(3, 7));
      expect((await readFile(disk.path)).subarray(5 * MIB - 1, 5 * MIB + 2)).toEqual(Buffer.from([7, 9, 9]));
      await appendFile(base.path, 'the frozen base itself is a file of its own');
      expect((await stat(disk.path)).size).toBe(128 * MIB);
    });

    it('is what the registry chooses before qcow2 there', async () => {
      const qcow2 = {
        kind: 'disk-store',
        id: 'qcow2',
        specificationVersion: 'v1',
        probe: async () => ({ available: true }) as const,
        create: () => ({}),
      } as const;
      const registry = new PluginRegistry()
        .register(qcow2)
        .register(reflinkDiskStorePlugin({ directory: mounted.directory }));
      expect((await registry.select('disk-store')).id).toBe('reflink');
      expect((await readdir(mounted.directory)).filter((name) => name.includes('staged'))).toEqual([]);
    });
  });
}

describe('where nothing can be cloned', () => {
  // The memory file system has no clones on any kernel.
  const directory = mkdtempSync(join('/dev/shm', 'reflink-'));
  const other = mkdtempSync(join(tmpdir(), 'reflink-'));
  afterAll(async () => {
    await Promise.all([directory, other].map((path) => rm(path, { recursive: true })));
  });

  it('making a disk throws unsupported with its reason, and leaves nothing', async () => {
    await writeFile(join(directory, 'base'), Buffer.alloc(MIB));
    const base = { path: join(directory, 'base'), format: 'raw' } as const;
    for (const attempt of [
      () => store.createChild(join(directory, 'disk'), base),
      () => store.createChild(join(other, 'disk'), base),
      () => store.flatten(base.path, join(directory, 'disk')),
      () => store.freeze(base.path, join(directory, 'disk')),
    ]) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringContaining('cannot share'),
      });
    }
    expect(await readdir(directory)).toEqual(['base']);
    expect(await readdir(other)).toEqual([]);
  });

  it('the probe says so, and what would help, and leaves nothing', async () => {
    const result = await reflinkDiskStorePlugin({ directory }).probe();
    expect(result).toMatchObject({ available: false, remedy: expect.stringContaining('btrfs') });
    expect(await readdir(directory)).toEqual(['base']);
    const missing = await reflinkDiskStorePlugin({ directory: join(directory, 'gone') }).probe();
    expect(missing).toMatchObject({ available: false, reason: expect.stringContaining('ENOENT') });
  });

  it('qcow2 disks are refused by name', async () => {
    const path = join(directory, 'base');
    await expect(store.chain(path, 'qcow2')).rejects.toMatchObject({ code: 'unsupported' });
    await expect(store.createChild(join(directory, 'disk'), { path, format: 'qcow2' })).rejects.toMatchObject({
      code: 'unsupported',
      details: { field: 'format' },
    });
  });
});
