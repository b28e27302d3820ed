// The conversion as a process of its own: node convert-image.mjs LAYOUT TARGET SIZE_BYTES. Prints its peak memory.
import { readFileSync } from 'node:fs';
import { builtPackage } from './packages.mjs';

const [layout, target, sizeBytes] = process.argv.slice(2);
const [{ createLocalImageSource }, { buildImageDisk }] = await Promise.all([
  builtPackage('images'),
  builtPackage('rootfs'),
]);
const source = createLocalImageSource();
const image = await source.resolve(`oci:${layout}:bench`);
await buildImageDisk({
  layers: image.layers.map((layer) => () => source.openLayer(image, layer)),
  target,
  sizeBytes: Number(sizeBytes),
});
// Not ru_maxrss, which a process inherits from the one that spawned it.
const [, peakKib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
console.log(JSON.stringify({ peakKib: Number(peakKib) }));
