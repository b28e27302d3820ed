// A pull as a process of its own: node pull-image.mjs HOME REGISTRY_HOST NAME. Fetches the image into a home, makes its disk, and a copy-on-write disk of
// a box over that: what a box boots from. Prints what it took.
import { join } from 'node:path';
import { builtPackage } from './packages.mjs';
import { processFigures } from './process-figures.mjs';

const [homeDir, host, name] = process.argv.slice(2);
const [{ createHomeLayout }, { createRegistryImageSource }, { createImageDiskCache }, { createQcow2DiskStore }] =
  await Promise.all(['layout', 'images', 'rootfs', 'disk-qcow2'].map(builtPackage));

const home = createHomeLayout(homeDir);
await home.prepare();
const source = createRegistryImageSource({ blobs: home, registries: [{ host, transport: 'http' }] });
const begun = performance.now();
const image = await source.resolve(`${host}/${name}`);
const pulled = performance.now();
const disk = await createImageDiskCache({ diskImagesDir: home.diskImagesDir, tmpDir: home.tmpDir }).ensure({
  image,
  source,
});
const converted = performance.now();
const store = createQcow2DiskStore();
await store.createChild(join(home.tmpDir, `${disk.key}.qcow2`), { path: disk.path, format: 'raw' });
console.log(
  JSON.stringify({
    pullSeconds: (pulled - begun) / 1000,
    convertSeconds: (converted - pulled) / 1000,
    ...processFigures(),
  }),
);
process.exit(); // Idle connections to the registry would keep it a while.
