import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createQcow2DiskStore } from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

/** The bundler of the workspace's build tool: the fixture must run in a process of its own, without a build before. */
async function bundle(entry: string, outfile: string): Promise<void> {
  const requireHere = createRequire(import.meta.url);
  const esbuild = createRequire(requireHere.resolve('tsup'))('esbuild') as {
    build(options: Record<string, unknown>): Promise<unknown>;
  };
  await esbuild.build({
    entryPoints: [fileURLToPath(new URL(entry, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    alias: { '@boxlite/core': fileURLToPath(new URL('../../core/src/index.ts', import.meta.url)) },
  });
}

it('a createChild killed before any of its file operations leaves no file under the name, or a whole disk', async () => {
  const directory = await temporaryDirectory();
  const program = join(directory, 'create-child-and-die.mjs');
  await bundle('./fixtures/create-child-and-die.ts', program);
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
