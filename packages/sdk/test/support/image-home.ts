import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Boxlite, type BoxliteOptions } from '@boxlite/sdk';
import { onTestFinished } from 'vitest';

/** A runtime of a home of its own, unless one is named; both are gone when the test ends. */
export async function openHome(options: BoxliteOptions = {}): Promise<Boxlite> {
  const homeDir = options.homeDir ?? (await mkdtemp(join(tmpdir(), 'boxlite-sdk-')));
  const boxlite = await Boxlite.open({ ...options, homeDir });
  onTestFinished(async () => {
    await boxlite.shutdown();
    await rm(homeDir, { recursive: true, force: true });
  });
  return boxlite;
}

/** The state of a runtime's home, as another process sees it; closed when the test ends. */
export async function openStore(boxlite: Boxlite) {
  const [{ openStateStore }, { createHomeLayout, currentBootId, isAlive, selfIdentity }] = await Promise.all([
    import('@boxlite/db'),
    import('@boxlite/layout'),
  ]);
  const file = createHomeLayout(boxlite.homeDir).databaseFile;
  const store = await openStateStore({ file, bootId: currentBootId(), self: selfIdentity(), isAlive });
  onTestFinished(() => store.close());
  return store;
}

/** Puts the disk of an image where a start would. */
export async function plantDisk(boxlite: Boxlite, reference: string): Promise<string> {
  const { createLocalImageSource } = await import('@boxlite/images');
  const { createImageDiskCache } = await import('@boxlite/rootfs');
  const source = createLocalImageSource();
  const image = await source.resolve(reference);
  const diskImagesDir = join(boxlite.homeDir, 'images', 'disk-images');
  const { leases } = await openStore(boxlite);
  const cache = createImageDiskCache({ diskImagesDir, tmpDir: join(boxlite.homeDir, 'tmp'), leases });
  const disk = await cache.ensure({ image, source });
  await disk.release();
  return disk.path;
}
