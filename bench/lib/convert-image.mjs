// The conversion as a process of its own: node convert-image.mjs LAYOUT TARGET SIZE_BYTES. Prints its peak memory.
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
console.log(JSON.stringify({ maxRssKib: process.resourceUsage().maxRSS }));
