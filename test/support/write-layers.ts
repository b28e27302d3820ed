import { createCipheriv } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { type TarEntry, tarArchive } from '../../scripts/starter-image.mjs';

const MIB = 1024 ** 2;
const END_BYTES = 1024;
const PER_DIRECTORY = 250;
/** Two files of a gigabyte and a bit, one of three; together five, in the sense of the people who sell disks. */
const LARGE_FILES_MIB = [900, 1000, 2900];

/** Directories that an archive does not describe are up to whoever unpacks it. */
const PARENTS: readonly TarEntry[] = ['srv/', 'srv/data/'].map((name) => ({ name, type: 'directory' }));

/** A layer of small files of 0 to 5000 bytes, each of its own content, owner and mode, in directories of 250. */
export async function writeSmallFiles(path: string, count: number): Promise<void> {
  const bytes = noise(MIB);
  await writeArchive(path, async (file) => {
    await file.write(entriesOf(PARENTS));
    for (let first = 0; first < count; first += PER_DIRECTORY) {
      const directory = `srv/data/${first / PER_DIRECTORY}/`;
      const entries = Array.from({ length: Math.min(PER_DIRECTORY, count - first) }, (_, index) => {
        const number = first + index;
        const at = (number * 7919) % (MIB - 5000);
        const content = bytes.subarray(at, at + ((number * 31) % 5001));
        return {
          name: `${directory}file-${number}`,
          type: 'file' as const,
          mode: 0o400 + (number % 0o377),
          uid: number % 7,
          content,
        };
      });
      await file.write(entriesOf([{ name: directory, type: 'directory' }, ...entries]));
    }
  });
}

/** A layer of 5 GB in three files, no two MiB of which are alike. */
export async function writeLargeFiles(path: string): Promise<void> {
  const bytes = noise(MIB);
  await writeArchive(path, async (file) => {
    await file.write(entriesOf(PARENTS));
    for (const [index, mebibytes] of LARGE_FILES_MIB.entries()) {
      await file.write(headerOf(`srv/data/large-${index}`, mebibytes * MIB));
      for (let number = 0; number < mebibytes; number++) {
        bytes.writeUInt32LE(index * 10_000 + number, 0);
        await file.write(bytes);
      }
    }
  });
}

/** Entries of an archive that goes on. */
function entriesOf(entries: readonly TarEntry[]): Buffer {
  return tarArchive(entries).subarray(0, -END_BYTES);
}

async function writeArchive(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await write(file);
    await file.write(Buffer.alloc(END_BYTES));
  } finally {
    await file.close();
  }
}

/** The header of a file whose content comes behind it: of an empty file, with another size and sum. */
function headerOf(name: string, size: number): Buffer {
  const header = Buffer.from(tarArchive([{ name, type: 'file' }]).subarray(0, 512));
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** The key stream of AES: looks random and is the same everywhere. */
function noise(bytes: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}
