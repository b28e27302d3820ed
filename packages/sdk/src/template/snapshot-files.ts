import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { BoxliteError, errnoOf, type VmmSnapshot } from '@boxlite/core';
import * as z from 'zod';
import { memoryDigest } from './memory-digest.js';

/** A state file holds processors and devices: tens of KiB. More is none of ours, and is not read. */
const MAX_STATE_BYTES = 64 * 1024 * 1024;

const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** What a large file was when it was made. */
export const largeFileSchema = z.object({
  bytes: z.int().nonnegative(),
  /** See `memoryDigest`. */
  sha256: digest,
  /** Inode and times in nanoseconds: of a file that nobody has written to since, at the price of one look. */
  identity: z.object({ ino: z.string(), mtimeNs: z.string(), ctimeNs: z.string() }),
});
export type LargeFile = z.output<typeof largeFileSchema>;

/** What the two files of a snapshot were when they were made. */
export const snapshotFilesSchema = z.object({
  memory: largeFileSchema,
  state: z.object({ bytes: z.int().nonnegative(), sha256: digest }),
});
export type SnapshotFiles = z.output<typeof snapshotFilesSchema>;

/** Reads both files whole. Neither may be written to or renamed afterwards; the directory they lie in may. */
export async function describeSnapshotFiles(files: VmmSnapshot, signal?: AbortSignal): Promise<SnapshotFiles> {
  const memory = await describeLargeFile(files.memory, 'memory', signal);
  const state = readState(files.state);
  return {
    memory,
    state: { bytes: state.length, sha256: sha256Of(state) },
  };
}

/** Reads a file whole. @param what names it in errors */
export async function describeLargeFile(path: string, what: string, signal?: AbortSignal): Promise<LargeFile> {
  const sha256 = await memoryDigest(path, signal);
  const { size, ...identity } = look(path, what);
  return { bytes: Number(size), sha256, identity: textOf(identity) };
}

/** By its size, and by whether anybody has written to it since. @throws BoxliteError `snapshot_invalid` */
export function checkLargeFile(path: string, what: string, expected: LargeFile): void {
  const { size, ...identity } = look(path, what);
  if (Number(size) !== expected.bytes) {
    throw invalid(`its ${what} has ${size} bytes instead of ${expected.bytes}`, path);
  }
  const found = textOf(identity);
  const { ino, mtimeNs, ctimeNs } = expected.identity;
  if (found.ino !== ino || found.mtimeNs !== mtimeNs || found.ctimeNs !== ctimeNs) {
    throw invalid(`its ${what} was written to, or is another file, since it was made`, path);
  }
}

/** As {@link checkLargeFile}, and reads it whole. @throws BoxliteError `snapshot_invalid`, `aborted` */
export async function verifyLargeFile(
  path: string,
  what: string,
  expected: LargeFile,
  signal?: AbortSignal,
): Promise<void> {
  checkLargeFile(path, what, expected);
  if ((await memoryDigest(path, signal)) !== expected.sha256) throw invalid(`its ${what} has another content`, path);
}

/**
 * Finds out, in less than a millisecond, whether a snapshot is what it was: the state byte for byte, the memory by its size and by whether anybody has
 * written to it since. Bits that rot on the disk are found by {@link verifySnapshotContent} alone.
 * @throws BoxliteError `snapshot_invalid` with the reason
 */
export function checkSnapshotContent(files: VmmSnapshot, expected: SnapshotFiles): void {
  checkLargeFile(files.memory, 'memory', expected.memory);
  const state = readState(files.state);
  if (state.length !== expected.state.bytes) {
    throw invalid(`its state has ${state.length} bytes instead of ${expected.state.bytes}`, files.state);
  }
  if (sha256Of(state) !== expected.state.sha256) throw invalid('its state has another content', files.state);
}

/** As {@link checkSnapshotContent}, and reads the memory whole. @throws BoxliteError `snapshot_invalid`, `aborted` */
export async function verifySnapshotContent(
  files: VmmSnapshot,
  expected: SnapshotFiles,
  signal?: AbortSignal,
): Promise<void> {
  checkSnapshotContent(files, expected);
  await verifyLargeFile(files.memory, 'memory', expected.memory, signal);
}

/** The error for a snapshot that cannot be used. @param why follows "the snapshot cannot be used: " */
export function invalid(why: string, path: string, cause?: unknown): BoxliteError {
  return new BoxliteError('snapshot_invalid', `the snapshot cannot be used: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { path },
  });
}

type Look = Pick<BigIntStats, 'size' | 'ino' | 'mtimeNs' | 'ctimeNs'>;

// Blocking calls: of local files, each a few microseconds, where a turn through Node's thread pool costs ten times that in a start.
function look(path: string, what: string): Look {
  return withFile(path, what, (fd) => plain(fd, path, what));
}

function plain(fd: number, path: string, what: string): Look {
  const stats = fstatSync(fd, { bigint: true });
  if (!stats.isFile()) throw invalid(`its ${what} is no regular file`, path);
  const { size, ino, mtimeNs, ctimeNs } = stats;
  return { size, ino, mtimeNs, ctimeNs };
}

function readState(path: string): Buffer {
  return withFile(path, 'state', (fd) => {
    const { size } = plain(fd, path, 'state');
    if (size > BigInt(MAX_STATE_BYTES)) throw invalid(`its state has ${size} bytes`, path);
    return readFileSync(fd);
  });
}

function withFile<T>(path: string, what: string, use: (fd: number) => T): T {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    const why = errnoOf(thrown) === 'ENOENT' ? 'is missing' : `cannot be read (${errnoOf(thrown) ?? String(thrown)})`;
    throw invalid(`its ${what} ${why}`, path, thrown);
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

const textOf = ({ ino, mtimeNs, ctimeNs }: Omit<Look, 'size'>) => ({
  ino: String(ino),
  mtimeNs: String(mtimeNs),
  ctimeNs: String(ctimeNs),
});

const sha256Of = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
