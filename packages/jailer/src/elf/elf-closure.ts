import { readFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, normalize } from 'node:path';
import { BoxliteError, errnoOf, type PathAccess } from '@boxlite/core';
import { type ReadElf, readElf } from './elf-files.js';
import { configuredLibraryDirectories, defaultLibraryDirectories, expandTokens } from './library-directories.js';
import { parseLoaderCache } from './parse-loader-cache.js';

/** Where glibc's loader looks names up. Granted too: without it libraries outside the default directories are not found. */
export const LOADER_CACHE = '/etc/ld.so.cache';

/** Far above any real program (QEMU with every module: about 250); a bound for hostile files. */
const MAX_OBJECTS = 4096;

/** One object of the closure while it is being worked out. */
interface Loaded {
  readonly path: string;
  readonly elf: ReadElf;
  /** DT_RPATH directories of this object and of those that loaded it, nearest first. */
  readonly rpath: readonly string[];
}

/**
 * Every file a program needs to be loaded: itself, its loader, its libraries and theirs, by the names the loader opens them under
 * (`/lib/x86_64-linux-gnu/libc.so.6`, mostly symbolic links), and the loader's cache. All read-only, sorted.
 *
 * Follows ld.so(8): DT_RPATH, DT_RUNPATH with `$ORIGIN`, the cache, then the default and configured directories.
 * Libraries opened later with dlopen are not named in the file: give them as `extraLibraries`.
 *
 * @param binary absolute path of a program or library
 * @param extraLibraries absolute paths, or names such as `libfoo.so.1`
 * @throws BoxliteError `not_found` for a missing file or library, `invalid_argument` for what is no 64-bit ELF file
 */
export async function elfClosure(
  binary: string,
  extraLibraries: readonly string[] = [],
): Promise<readonly PathAccess[]> {
  const program = await readRoot(binary);
  const search = await createSearch(program);
  const names = new Set<string>();
  const files = new Map<string, Loaded>();
  const queue: Loaded[] = [];
  const add = (path: string, elf: ReadElf, parent?: Loaded) => {
    const loaded = { path, elf, rpath: rpathOf(path, elf, parent) };
    files.set(path, loaded);
    queue.push(loaded);
    if (files.size > MAX_OBJECTS) {
      throw new BoxliteError('invalid_argument', `${binary} needs more than ${MAX_OBJECTS} files`, {
        details: { field: 'binary', path: binary },
      });
    }
    return loaded;
  };
  const root = add(binary, program);
  if (program.object.interpreter !== undefined) {
    add(program.object.interpreter, await readRoot(program.object.interpreter));
    // Libraries name the loader by its file name; it is there already, so it is not searched for.
    names.add(basename(program.object.interpreter));
  }
  for (const library of extraLibraries) {
    if (isAbsolute(library)) add(library, await readRoot(library), root);
    else add(...(await search(library, root)), root);
  }
  for (let loaded = queue.shift(); loaded !== undefined; loaded = queue.shift()) {
    for (const name of loaded.elf.object.needed) {
      // The loader takes the first file it found under a name, whoever asks for it later.
      if (names.has(name)) continue;
      names.add(name);
      const [path, elf] = await search(name, loaded);
      if (!files.has(path)) add(path, elf, loaded);
    }
  }
  const paths = [...files.keys(), ...(search.usedCache() ? [LOADER_CACHE] : [])].sort((a, b) => (a < b ? -1 : 1));
  return paths.map((path) => ({ path, writable: false }));
}

interface Search {
  (name: string, asker: Loaded): Promise<[path: string, elf: ReadElf]>;
  usedCache(): boolean;
}

/** Finds libraries the way the program's own loader does. */
async function createSearch(program: ReadElf): Promise<Search> {
  const { machine, interpreter = '' } = program.object;
  const cacheBytes = await readCache();
  const cached = new Map<string, string[]>();
  for (const { name, path } of parseLoaderCache(cacheBytes, machine))
    cached.set(name, [...(cached.get(name) ?? []), path]);
  const standard = [
    ...defaultLibraryDirectories(interpreter, machine),
    ...(cached.size > 0 ? [] : await configuredLibraryDirectories()),
  ];
  const search = async (name: string, asker: Loaded): Promise<[string, ReadElf]> => {
    const own = asker.elf.object.runpath.flatMap((entry) => expandTokens(entry, dirname(asker.path), machine));
    const candidates = name.includes('/')
      ? [name]
      : [
          // DT_RUNPATH replaces DT_RPATH in the object that has it (ld.so(8)).
          ...(own.length > 0 ? own : asker.rpath).map((directory) => join(directory, name)),
          ...(cached.get(name) ?? []),
          ...standard.map((directory) => join(directory, name)),
        ];
    for (const candidate of candidates.filter(isAbsolute)) {
      const elf = await readCandidate(candidate);
      // A library of another machine is passed over.
      if (elf?.object.machine === machine) return [normalize(candidate), elf];
    }
    throw new BoxliteError('not_found', `the library ${name}, needed by ${asker.path}, is not on this host`, {
      hint: 'install the package that holds it',
      details: { field: 'binary', path: asker.path, library: name },
    });
  };
  return Object.assign(search, { usedCache: () => cacheBytes.length > 0 && interpreter !== '' });
}

function rpathOf(path: string, elf: ReadElf, parent: Loaded | undefined): readonly string[] {
  const { rpath, runpath, machine } = elf.object;
  const own = runpath.length > 0 ? [] : rpath.flatMap((entry) => expandTokens(entry, dirname(path), machine));
  return [...new Set([...own, ...(parent?.rpath ?? [])])];
}

async function readRoot(path: string): Promise<ReadElf> {
  if (!isAbsolute(path) || normalize(path) !== path) {
    throw new BoxliteError('invalid_argument', `${JSON.stringify(path)} is not an absolute, normal path`, {
      details: { field: 'binary', path },
    });
  }
  const elf = await readElf(path);
  if (elf === undefined) {
    throw new BoxliteError('not_found', `there is no readable file ${path}`, { details: { field: 'binary', path } });
  }
  return elf;
}

/** A candidate of a search: a file that is no library (a linker script) is passed over. */
async function readCandidate(path: string): Promise<ReadElf | undefined> {
  try {
    return await readElf(path);
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'invalid_argument')) return undefined;
    throw thrown;
  }
}

/** A cache of 16 MiB would name a quarter of a million libraries. */
const MAX_CACHE_BYTES = 16 * 1024 * 1024;

async function readCache(): Promise<Uint8Array> {
  try {
    const bytes = await readFile(LOADER_CACHE);
    return bytes.length <= MAX_CACHE_BYTES ? bytes : new Uint8Array();
  } catch (thrown) {
    // Distributions without glibc have none.
    if (errnoOf(thrown) === undefined) throw thrown;
    return new Uint8Array();
  }
}
