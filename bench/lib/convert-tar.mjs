// The conversion of one uncompressed layer as a process of its own: node convert-tar.mjs TAR TARGET SIZE_BYTES. Prints what it took.
import { createReadStream } from 'node:fs';
import { builtPackage } from './packages.mjs';
import { processFigures } from './process-figures.mjs';

const [tar, target, sizeBytes] = process.argv.slice(2);
const { buildImageDisk } = await builtPackage('rootfs');
const begun = performance.now();
const { entries } = await buildImageDisk({
  layers: [createReadStream(tar, { highWaterMark: 256 * 1024 })],
  target,
  sizeBytes: Number(sizeBytes),
  identity: 'bench',
});
console.log(JSON.stringify({ entries, seconds: (performance.now() - begun) / 1000, ...processFigures() }));
