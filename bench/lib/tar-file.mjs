import { createCipheriv } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { tarArchive } from '../../scripts/starter-image.mjs';

const END_BYTES = 1024;

/**
 * Writes an uncompressed archive of files of the same size, in directories of the same number of files. The same numbers give the same bytes.
 * @param shape.files how many
 * @param shape.bytes of each
 * @param shape.perDirectory files of one directory
 */
export function writeTarFile(path, { files, bytes, perDirectory }) {
  // As large as needed for every file to begin elsewhere in it; looks random.
  const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(bytes + 65_536));
  const file = openSync(path, 'w');
  try {
    for (let first = 0; first < files; first += perDirectory) {
      const directory = `usr/share/directory-${first / perDirectory}/`;
      const entries = [{ name: directory, type: 'directory' }];
      for (let index = first; index < Math.min(first + perDirectory, files); index += 1) {
        const offset = (index * 997) % 65_536;
        const content = noise.subarray(offset, offset + bytes);
        entries.push({ name: `${directory}a-file-of-some-name-${index}`, type: 'file', content, uid: index % 3 });
      }
      writeSync(file, tarArchive(entries).subarray(0, -END_BYTES));
    }
    writeSync(file, Buffer.alloc(END_BYTES));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
