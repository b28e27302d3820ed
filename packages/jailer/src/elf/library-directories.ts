import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '@boxlite/core';

/** Debian's multiarch directory of a machine. */
const MULTIARCH: ReadonlyMap<number, string> = new Map([
  [62, 'x86_64-linux-gnu'],
  [183, 'aarch64-linux-gnu'],
]);

/** Configuration files may include others; more or deeper than this is a mistake. */
const MAX_FILES = 128;

/** The directories a loader searches by itself, after the cache. */
export function defaultLibraryDirectories(interpreter: string, machine: number): readonly string[] {
  if (basename(interpreter).startsWith('ld-musl-')) return ['/lib', '/usr/local/lib', '/usr/lib'];
  const triplet = MULTIARCH.get(machine);
  const multiarch = triplet === undefined ? [] : [`/lib/${triplet}`, `/usr/lib/${triplet}`];
  return [...multiarch, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
}

/** What `$LIB` and `$PLATFORM` may stand for in a search path (ld.so(8)). */
export function expandTokens(entry: string, origin: string, machine: number): readonly string[] {
  const triplet = MULTIARCH.get(machine) ?? '';
  const platform = triplet.split('-')[0] ?? '';
  return ['lib64', `lib/${triplet}`]
    .map((lib) =>
      entry
        .replace(/\$(ORIGIN|\{ORIGIN\})/g, () => origin)
        .replace(/\$(PLATFORM|\{PLATFORM\})/g, () => platform)
        .replace(/\$(LIB|\{LIB\})/g, () => lib),
    )
    .filter((path, index, all) => path.startsWith('/') && all.indexOf(path) === index);
}

/**
 * The directories `/etc/ld.so.conf` names, includes followed: what `ldconfig` would put into the cache.
 * @param file default `/etc/ld.so.conf`
 */
export async function configuredLibraryDirectories(file = '/etc/ld.so.conf'): Promise<readonly string[]> {
  const directories: string[] = [];
  const queue = [file];
  for (let read = 0; read < MAX_FILES && queue.length > 0; read++) {
    const next = queue.shift() as string;
    for (const line of (await linesOf(next)).map((text) => text.replace(/#.*/, '').trim())) {
      const included = /^include\s+(\S+)$/.exec(line)?.[1];
      if (included !== undefined) queue.push(...(await matching(join(dirname(next), included), included)));
      else if (line.startsWith('/')) directories.push(line);
    }
  }
  return [...new Set(directories)];
}

/** Files of a pattern with `*` in its last component only, which is how distributions write it. */
async function matching(relative: string, pattern: string): Promise<string[]> {
  const path = pattern.startsWith('/') ? pattern : relative;
  if (!basename(path).includes('*')) return [path];
  const expression = new RegExp(`^${basename(path).split('*').map(escapeExpression).join('.*')}$`);
  const names = await absentAsEmpty(readdir(dirname(path)), []);
  return names
    .filter((name) => expression.test(name))
    .sort()
    .map((name) => join(dirname(path), name));
}

async function linesOf(file: string): Promise<string[]> {
  return (await absentAsEmpty(readFile(file, 'utf8'), '')).split('\n');
}

async function absentAsEmpty<T>(reading: Promise<T>, empty: T): Promise<T> {
  try {
    return await reading;
  } catch (thrown) {
    // ldconfig passes over what it cannot read, and so does this.
    if (errnoOf(thrown) === undefined) throw thrown;
    return empty;
  }
}

function escapeExpression(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
