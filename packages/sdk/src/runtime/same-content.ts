import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Of each file at a time. */
const CHUNK_BYTES = 1024 * 1024;

/** What a copy must be beside its content. */
export interface CopyState {
  readonly uid: number;
  /** Permission bits. */
  readonly mode: number;
}

/**
 * True when a copy is a file of its own, of one name, with that owner and mode, and byte for byte what the original is. Times and sizes say
 * nothing: who could change it could set them.
 * @throws the errno of an original that cannot be read
 */
export async function sameContent(original: string, copy: string, { uid, mode }: CopyState): Promise<boolean> {
  const from = await open(original, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const present = await openPlain(copy);
    if (present === undefined) return false;
    try {
      const [source, found] = await Promise.all([from.stat(), present.stat()]);
      const isPlain = found.isFile() && found.nlink === 1 && found.uid === uid && (found.mode & 0o7777) === mode;
      return isPlain && found.size === source.size && (await compare(from, present));
    } finally {
      await present.close();
    }
  } finally {
    await from.close();
  }
}

async function openPlain(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined; // Missing, a link, or not to be read: a copy is made in its place, and says so if that fails.
  }
}

async function compare(left: FileHandle, right: FileHandle): Promise<boolean> {
  const buffers = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)] as const;
  for (let position = 0; ; ) {
    const [a, b] = await Promise.all([
      left.read(buffers[0], 0, CHUNK_BYTES, position),
      right.read(buffers[1], 0, CHUNK_BYTES, position),
    ]);
    if (a.bytesRead !== b.bytesRead) return false;
    if (a.bytesRead === 0) return true;
    if (buffers[0].compare(buffers[1], 0, b.bytesRead, 0, a.bytesRead) !== 0) return false;
    position += a.bytesRead;
  }
}
