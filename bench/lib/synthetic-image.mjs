import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { tarArchive } from '../../scripts/starter-image.mjs';
import { builtPackage } from './packages.mjs';

const LAYERS = 4;
const LARGE_FILES_PER_LAYER = 12;
const SMALL_FILES_PER_LAYER = 1000;
const SMALL_FILE_BYTES = 3000;
const WORDS = 'the of and a to in is you that it he was for on are as with his they at be this from have'.split(' ');

/**
 * Writes an image of the given size as an OCI layout with gzipped layers: per layer 1000 small files in 50 directories and 12 large ones, a
 * quarter of the bytes random, the rest text-like; upper layers replace and remove some files of those below. The same size gives the
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
  await writeOciLayout({ directory: join(directory), layers, tag: 'bench' });
}

function layerEntries(layer, largeFileBytes) {
  const text = textLike(layer, 2 ** 20);
  const entries = [{ name: `layer${layer}/`, type: 'directory' }];
  for (let number = 0; number < 50; number += 1) entries.push({ name: `layer${layer}/d${number}/`, type: 'directory' });
  for (let number = 0; number < SMALL_FILES_PER_LAYER; number += 1) {
    const offset = (number * 997) % (text.length - SMALL_FILE_BYTES);
    const content = text.subarray(offset, offset + SMALL_FILE_BYTES);
    entries.push({ name: `layer${layer}/d${number % 50}/small${number}`, type: 'file', content, uid: number % 3 });
  }
  for (let number = 0; number < LARGE_FILES_PER_LAYER; number += 1) {
    const content = number % 4 === 0 ? random(layer * 100 + number, largeFileBytes) : repeat(text, largeFileBytes);
    entries.push({ name: `layer${layer}/large${number}`, type: 'file', mode: 0o755, content });
    entries.push({ name: `layer${layer}/link${number}`, type: 'symlink', target: `large${number}` });
  }
  if (layer > 0) {
    entries.push({ name: `layer${layer - 1}/d0/small0`, type: 'file', content: 'replaced\n' });
    entries.push({ name: `layer${layer - 1}/.wh.link0`, type: 'file' });
  }
  return entries;
}

/** Words in an order drawn from a seed: compresses about as well as text and code do. */
function textLike(seed, length) {
  const bytes = random(seed, length);
  const chunks = [];
  let size = 0;
  for (let index = 0; size < length; index += 1) {
    const word = `${WORDS[bytes[index % length] % WORDS.length]}${bytes[(index * 7) % length] % 10 === 0 ? index : ''} `;
    chunks.push(word);
    size += word.length;
  }
  return Buffer.from(chunks.join('').slice(0, length));
}

/** A stream of SHA-256 in counter mode: looks random and is the same everywhere. */
function random(seed, length) {
  const bytes = Buffer.alloc(length);
  for (let offset = 0; offset < length; offset += 32) {
    createHash('sha256').update(`${seed}:${offset}`).digest().copy(bytes, offset);
  }
  return bytes;
}

function repeat(bytes, length) {
  return Buffer.alloc(length, bytes);
}
