import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, type FileIdentity, type PathAccess, type SandboxContext } from '@boxlite/core';
import { unable } from './check-context.js';
import { canonicalPath, isWithin } from './profile/path-forms.js';

/**
 * The context with the names the kernel compares: for each path that goes through symbolic links the path it leads to, beside the one given. What
 * does not exist is resolved as far as it does.
 * @throws BoxliteError `sandbox_unavailable` for a granted path whose link lies where the command can write (it could lead it anywhere), and for
 *   one that is another file than the one that was meant
 */
export async function resolveContext(context: SandboxContext): Promise<SandboxContext> {
  const { paths, maskedPaths = [] } = context;
  const writable = paths.filter((access) => access.writable).map(({ path }) => canonicalPath(path));
  const resolvedPaths = await Promise.all(
    paths.map(async (grant, index) => {
      const { path } = grant;
      const real = await realName(path);
      if (canonicalPath(real) !== canonicalPath(path)) await refuseLinkIn(writable, path, index);
      await refuseOther(grant, index);
      return [path, real].map((name) => ({ ...grant, path: name }));
    }),
  );
  const resolvedMasks = await Promise.all(maskedPaths.map(async (path) => [path, await realName(path)]));
  return {
    ...context,
    paths: resolvedPaths.flat(),
    ...(maskedPaths.length === 0 ? {} : { maskedPaths: resolvedMasks.flat() }),
  };
}

/** Where a path leads, in the spelling of the file system; the part that does not exist as it was given. */
async function realName(path: string): Promise<string> {
  try {
    // The system's own call: it knows in which case and Unicode form a name is stored.
    return await realpath(path);
  } catch (thrown) {
    if (!['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(errnoOf(thrown) ?? '') || path === '/') throw thrown;
    // Not there, or not to be seen by this user: then by no command of this user either.
    return join(await realName(dirname(path)), path.slice(dirname(path).length));
  }
}

async function refuseLinkIn(writable: readonly string[], path: string, index: number): Promise<void> {
  const parts = path.split('/').filter((part) => part !== '');
  for (const [depth] of parts.entries()) {
    const place = `/${parts.slice(0, depth + 1).join('/')}`;
    if (!writable.some((grant) => isWithin(grant, canonicalPath(dirname(place))))) continue;
    if ((await isLink(place)) === true) {
      throw unable(
        `paths[${index}].path`,
        `${path} goes through the link ${place}, which the command could turn elsewhere`,
        'grant the place the link leads to',
      );
    }
  }
}

/** Rules go by name, so this is the last look: what takes the file's place after it has the file's rights. */
async function refuseOther({ path, identity }: PathAccess, index: number): Promise<void> {
  if (identity === undefined) return;
  const found = await identityOf(path);
  if (found?.device === identity.device && found.inode === identity.inode) return;
  throw unable(
    `paths[${index}].path`,
    `identity: ${path} is ${found === undefined ? 'gone' : 'another file now'}`,
    'start it again; if it stays, look at who changes that path',
  );
}

async function identityOf(path: string): Promise<FileIdentity | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return { device: String(dev), inode: String(ino) };
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}
