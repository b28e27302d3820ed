import { lstatSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, type FileIdentity, type PathAccess, type SandboxContext } from '@boxlite/core';
import { unable } from './check-context.js';
import { canonicalPath, isWithin } from './profile/path-forms.js';

/**
 * The context with the names the kernel compares: for each path that goes through symbolic links the path it leads to, beside the one given, in the
 * spelling of the file system. What does not exist is resolved as far as it does; a link that lies where the command can write is not
 * followed, since the command could have made it. Reads the host and changes nothing.
 */
export function resolveContext(context: SandboxContext): SandboxContext {
  const { paths, maskedPaths = [] } = context;
  const namesOf = (path: string) => namesFor(paths, path);
  return {
    ...context,
    paths: paths.flatMap((grant) => namesOf(grant.path).map((path) => ({ ...grant, path }))),
    ...(maskedPaths.length === 0 ? {} : { maskedPaths: maskedPaths.flatMap(namesOf) }),
  };
}

/** The names of a program: the one given and, by the same rule, the one it leads to. */
export function resolveProgram({ paths }: Pick<SandboxContext, 'paths'>, binary: string): readonly string[] {
  return binary.startsWith('/') ? namesFor(paths, binary) : [binary];
}

function namesFor(paths: readonly PathAccess[], path: string): readonly string[] {
  return linkIn(writablePlaces(paths), path) === undefined ? [path, realName(path)] : [path];
}

/**
 * The last look at what is granted before a start. Rules go by name: what takes a file's place afterwards has the file's rights.
 * @throws BoxliteError `sandbox_unavailable` for a granted path through a link where the command can write, and for one that is another file than
 *   the one that was meant
 */
export function checkGrants(paths: readonly PathAccess[]): void {
  const writable = writablePlaces(paths);
  for (const [index, { path, identity }] of paths.entries()) {
    const link = linkIn(writable, path);
    if (link !== undefined) {
      throw unable(
        `paths[${index}].path`,
        `${path} goes through the link ${link}, which the command could turn elsewhere`,
        'grant the place the link leads to',
      );
    }
    if (identity === undefined) continue;
    const found = identityOf(path);
    if (found?.device === identity.device && found.inode === identity.inode) continue;
    throw unable(
      `paths[${index}].path`,
      `identity: ${path} is ${found === undefined ? 'gone' : 'another file now'}`,
      'start it again; if it stays, look at who changes that path',
    );
  }
}

function writablePlaces(paths: readonly PathAccess[]): readonly string[] {
  return paths.filter(({ writable }) => writable).map(({ path }) => canonicalPath(path));
}

/** The first symbolic link on the way to a path that lies in one of some places. */
function linkIn(places: readonly string[], path: string): string | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  return parts
    .map((_, depth) => `/${parts.slice(0, depth + 1).join('/')}`)
    .find((step) => places.some((place) => isWithin(place, canonicalPath(dirname(step)))) && isLink(step));
}

/** Where a path leads; the part that does not exist, or is not for this user to see, as it was given. */
function realName(path: string): string {
  try {
    // The system's own call: it knows in which case and Unicode form a name is stored.
    return realpathSync.native(path);
  } catch {
    // Whatever the reason, the directory above is the next best answer, and the root always is one.
    return path === '/' ? path : join(realName(dirname(path)), path.slice(dirname(path).length));
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  } catch {
    // Below a file, or not for this user to see: nothing this user's command could go through.
    return false;
  }
}

function identityOf(path: string): FileIdentity | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return { device: String(dev), inode: String(ino) };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw unable('paths', `${path} cannot be examined (${errnoOf(thrown)})`, 'look at its permissions', thrown);
  }
}
