import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { errnoOf, type PathAccess, toBoxliteError } from '@boxlite/core';
import { elfClosure } from './elf-closure.js';
import { type FileIdentity, identityOf, sameFile } from './elf-files.js';

export interface CachedElfClosureOptions {
  /** Absolute paths or library names, as for {@link elfClosure}. */
  readonly extraLibraries?: readonly string[];
  /** Where the result is kept between processes; its directory must exist and be the caller's own. */
  readonly cacheFile: string;
}

interface SavedClosure {
  readonly version: 1;
  readonly roots: readonly string[];
  readonly files: readonly FileIdentity[];
}

/**
 * {@link elfClosure} with its result kept in a file: a start then costs one `stat` a member instead of reading every library.
 *
 * The saved result holds as long as each member, the loader's cache among them, is the same file (device, inode, size, modification
 * time). A damaged cache file counts as none; one that cannot be written is an error.
 * @throws BoxliteError as {@link elfClosure}; `storage_error` when the cache cannot be written
 */
export async function cachedElfClosure(
  binary: string,
  options: CachedElfClosureOptions,
): Promise<readonly PathAccess[]> {
  const roots = [binary, ...(options.extraLibraries ?? [])];
  const saved = await load(options.cacheFile);
  if (saved !== undefined && sameRoots(saved.roots, roots) && stillHolds(saved.files)) {
    return saved.files.map(({ path }) => ({ path, writable: false }));
  }
  const closure = await elfClosure(binary, options.extraLibraries);
  const files = closure.map(({ path }) => identify(path));
  // A member that vanished meanwhile: correct now, not worth keeping.
  if (files.every((file) => file !== undefined)) await save(options.cacheFile, { version: 1, roots, files });
  return closure;
}

function sameRoots(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((root, index) => root === right[index]);
}

function stillHolds(files: readonly FileIdentity[]): boolean {
  return files.every((file) => {
    const found = identify(file.path);
    return found !== undefined && sameFile(file, found);
  });
}

/** Blocking: a look at a local file costs a tenth of a turn through Node's thread pool, and a QEMU has 75 libraries. */
function identify(path: string): FileIdentity | undefined {
  try {
    return identityOf(path, statSync(path, { bigint: true }));
  } catch (thrown) {
    // Whatever keeps it from being examined, it is not the file that was saved.
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}

async function load(file: string): Promise<SavedClosure | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    return isSavedClosure(value) ? value : undefined;
  } catch (thrown) {
    // Not there, unreadable or not JSON: worked out again and replaced.
    if (errnoOf(thrown) === undefined && !(thrown instanceof SyntaxError)) throw thrown;
    return undefined;
  }
}

function isSavedClosure(value: unknown): value is SavedClosure {
  if (typeof value !== 'object' || value === null) return false;
  const { version, roots, files } = value as Partial<Record<keyof SavedClosure, unknown>>;
  const isText = (text: unknown): text is string => typeof text === 'string';
  return (
    version === 1 &&
    Array.isArray(roots) &&
    roots.every(isText) &&
    Array.isArray(files) &&
    files.length > 0 &&
    files.every(
      (file: Partial<FileIdentity> | null) =>
        isText(file?.path) && isText(file.dev) && isText(file.ino) && isText(file.size) && isText(file.mtimeNs),
    )
  );
}

/** Written beside and renamed over: another process reads the old or the new one, never half. */
async function save(file: string, closure: SavedClosure): Promise<void> {
  const staged = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(staged, JSON.stringify(closure), { mode: 0o600, flag: 'wx' });
    await rename(staged, file);
  } catch (thrown) {
    await rm(staged, { force: true });
    throw toBoxliteError(thrown, 'storage_error', `cannot keep the ELF closure in ${file}`);
  }
}
