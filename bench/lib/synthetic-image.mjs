import { createCipheriv } from 'node:crypto';
import { tarArchive } from '../../scripts/starter-image.mjs';
import { builtPackage } from './packages.mjs';

const LAYERS = 4;
const LARGE_FILES_PER_LAYER = 12;
const SMALL_FILES_PER_LAYER = 1000;
const SMALL_FILE_BYTES = 3000;

/**
 * Writes an image of the given size as an OCI layout with gzipped layers: per layer 1000 small files in 50 directories and 12 large ones, a
 * quarter of the bytes random, the rest like programs; upper layers replace and remove some files of those below. The same size gives the
 * same bytes on every machine, and another size the same number of files.
 * @param mebibytes of uncompressed file content, all layers together
 */
export async function writeSyntheticImage(directory, mebibytes) {
  const largeFileBytes = Math.floor(
    ((mebibytes * 2 ** 20) / LAYERS - SMALL_FILES_PER_LAYER * SMALL_FILE_BYTES) / LARGE_FILES_PER_LAYER,
  );
  const { writeOciLayout } = await builtPackage('images');
  const layers = [];
  for (let layer = 0; layer < LAYERS; layer += 1) layers.push({ tar: tarArchive(layerEntries(layer, largeFileBytes)) });
  await writeOciLayout({ directory, layers, tag: 'bench' });
}

function layerEntries(layer, largeFileBytes) {
  const program = programLike(layer, 2 ** 20);
  const entries = [{ name: `layer${layer}/`, type: 'directory' }];
  for (let number = 0; number < 50; number += 1) entries.push({ name: `layer${layer}/d${number}/`, type: 'directory' });
  for (let number = 0; number < SMALL_FILES_PER_LAYER; number += 1) {
    const offset = (number * 997) % (program.length - SMALL_FILE_BYTES);
    const content = program.subarray(offset, offset + SMALL_FILE_BYTES);
    entries.push({ name: `layer${layer}/d${number % 50}/small${number}`, type: 'file', content, uid: number % 3 });
  }
  for (let number = 0; number < LARGE_FILES_PER_LAYER; number += 1) {
    const content =
      number % 4 === 0 ? random(layer * 100 + number, largeFileBytes) : Buffer.alloc(largeFileBytes, program);
    entries.push({ name: `layer${layer}/large${number}`, type: 'file', mode: 0o755, content });
    entries.push({ name: `layer${layer}/link${number}`, type: 'symlink', target: `large${number}` });
  }
  if (layer > 0) {
    entries.push({ name: `layer${layer - 1}/d0/small0`, type: 'file', content: 'replaced\n' });
    entries.push({ name: `layer${layer - 1}/.wh.link0`, type: 'file' });
  }
  return entries;
}

/** Of each 256 bytes 96 of hexadecimal digits, 120 alike, 40 random: compresses to about 0.4, as programs do. */
function programLike(seed, length) {
  const noise = random(seed, length);
  const digits = Buffer.from(noise.subarray(0, length / 2).toString('hex'));
  const bytes = Buffer.alloc(length);
  for (let offset = 0; offset < length; offset += 256) {
    digits.copy(bytes, offset, offset, offset + 96);
    bytes.fill(offset >> 8, offset + 96, offset + 216);
    noise.copy(bytes, offset + 216, offset + 216, offset + 256);
  }
  return bytes;
}

/** The key stream of AES: looks random and is the same everywhere. */
function random(seed, length) {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(seed);
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), iv).update(Buffer.alloc(length));
}
