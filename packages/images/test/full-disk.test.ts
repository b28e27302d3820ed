import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createHomeLayout } from '@boxlite/layout';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLocalImageSource, createRegistryImageSource } from '../src/index.js';
import { startDockerRegistry } from './docker-registry.js';
import { sampleImage } from './sample-image.js';
import { temporaryDirectory } from './temporary-directory.js';
import { imageFiles } from './temporary-home.js';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

/** A home on a file system of 2 MiB. */
async function smallHome() {
  const directory = await temporaryDirectory();
  await run('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'boxlite-test', directory]);
  onTestFinished(async () => void (await run('umount', [directory])));
  const home = createHomeLayout(join(directory, 'home'));
  await home.prepare();
  return home;
}

// Mounting a small file system takes root.
describe.skipIf(!isRoot)('a full disk', () => {
  it('while pulling is disk_full, and what was written of the layer is gone', async () => {
    const [registry, home, sample] = [
      await startDockerRegistry(),
      await smallHome(),
      await sampleImage({ layerBytes: 3_000_000 }),
    ];
    await registry.push(sample.reference, 'app:v1');
    const source = createRegistryImageSource({ blobs: home });
    await expect(source.resolve(`${registry.host}/app:v1`)).rejects.toMatchObject({
      code: 'disk_full',
      hint: expect.stringContaining('BOXLITE_HOME'),
    });
    expect(await imageFiles(home)).toMatchObject({ tmp: [], layers: [] });
  });

  it('while importing an archive is disk_full, and nothing is left', async () => {
    const [home, sample] = [await smallHome(), await sampleImage({ layerBytes: 3_000_000 })];
    await run('tar', ['-cf', `${sample.directory}.tar`, '-C', sample.directory, '.']);
    const source = createLocalImageSource({ blobs: home });
    await expect(source.resolve(`oci-archive:${sample.directory}.tar`)).rejects.toMatchObject({ code: 'disk_full' });
    expect(await imageFiles(home)).toEqual({ tmp: [], layers: [], manifests: [], configs: [] });
  });
});
