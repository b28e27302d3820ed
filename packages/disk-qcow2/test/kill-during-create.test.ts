import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createQcow2DiskStore } from '../src/index.js';
import { bundleFixture } from './bundle-fixture.js';
import { temporaryDirectory } from './temporary-directory.js';

it('a createChild killed before any of its file operations leaves no file under the name, or a whole disk', async () => {
  const directory = await temporaryDirectory();
  const program = join(directory, 'create-child-and-die.mjs');
  await bundleFixture('create-child-and-die.ts', program);
  const base = join(directory, 'base');
  await writeFile(base, Buffer.alloc(2 ** 20));
  const disks = join(directory, 'disks');
  const staging = join(directory, 'tmp');
  await Promise.all([mkdir(disks), mkdir(staging)]);
  const store = createQcow2DiskStore();

  const seen = { absent: 0, whole: 0 };
  for (let killAt = 1; ; killAt++) {
    const path = join(disks, `disk-${killAt}`);
    const { signal, status, stderr } = spawnSync(process.execPath, [program, path, base, staging, String(killAt)], {
      encoding: 'utf8',
    });
    if (signal === null) {
      expect([status, stderr]).toEqual([0, '']);
      break;
    }
    expect(signal).toBe('SIGKILL');
    if ((await readdir(disks)).includes(`disk-${killAt}`)) {
      seen.whole++;
      expect(await store.chain(path)).toHaveLength(2);
      expect(await store.check(path)).toEqual({ errors: [], leakedClusters: 0 });
    } else seen.absent++;
  }
  expect(seen.absent).toBeGreaterThan(8);
  expect(seen.whole).toBeGreaterThan(1);
  expect((await readdir(staging)).every((name) => /^\.qcow2-\d+-\w{12}\.staged$/.test(name))).toBe(true);
});
