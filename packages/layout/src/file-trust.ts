import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasAccessList } from './has-access-list.js';

const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;
const ROOT = 0;

/** Why code in a file must not be run, and what to do about it. */
export interface TrustProblem {
  readonly reason: string;
  readonly remedy: string;
}

/** Whom this program is at the mercy of anyway. Only tests give another. */
export interface TrustedProgram {
  /** One of its files; its directory and those above are trusted as it is. */
  readonly path: string;
  readonly uids: ReadonlySet<number>;
}

/**
 * Whether somebody else can change a file whose code is going to run with this user's rights, by writing it or by putting another in its
 * place: its owner, its mode, and those of every directory above it. Trusted are root, this user, and the owner of this program: who can
 * change the program gains nothing by changing the file, so directories above the program are not looked at either.
 * @param path absolute, symbolic links resolved
 * @returns undefined when nobody can
 */
export async function untrustedReason(path: string, program?: TrustedProgram): Promise<TrustProblem | undefined> {
  const { uids: owners, path: own } = program ?? (await thisProgram());
  const problem = await problemOf(path, owners, false);
  if (problem !== undefined) return problem;
  for (let child = path, above = dirname(path); above !== child; child = above, above = dirname(above)) {
    if (own.startsWith(above === '/' ? above : `${above}/`)) return undefined;
    // In a sticky directory nobody can replace another's file (/tmp). But beside the file itself one could lay what it imports.
    const found = await problemOf(above, owners, child !== path);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function thisProgram(): Promise<TrustedProgram> {
  const path = fileURLToPath(import.meta.url);
  const { uid } = await lstat(path);
  return { path, uids: new Set([ROOT, uid, process.geteuid?.() ?? ROOT]) };
}

async function problemOf(
  path: string,
  owners: ReadonlySet<number>,
  mayBeSticky: boolean,
): Promise<TrustProblem | undefined> {
  const stats = await lstat(path);
  const problem = problemOfMode(path, stats, owners, mayBeSticky);
  const isGuarded = mayBeSticky && (stats.mode & STICKY) !== 0;
  if (problem !== undefined || isGuarded || (stats.mode & GROUP_WRITE) === 0 || !(await hasAccessList(path)))
    return problem;
  const what = stats.isDirectory() ? `the directory ${path}` : path;
  return { reason: `${what} can be written by whom its access list names`, remedy: `run "setfacl -b ${path}"` };
}

function problemOfMode(
  path: string,
  stats: Stats,
  owners: ReadonlySet<number>,
  mayBeSticky: boolean,
): TrustProblem | undefined {
  const what = stats.isDirectory() ? `the directory ${path}` : path;
  if (!owners.has(stats.uid)) {
    return {
      reason: `${what} belongs to user ${stats.uid}, who could change it`,
      remedy: `use a copy that belongs to you or to root, or run "chown" on ${path}`,
    };
  }
  if (mayBeSticky && (stats.mode & STICKY) !== 0) return undefined;
  if ((stats.mode & OTHERS_WRITE) !== 0) {
    return { reason: `${what} can be written by every user`, remedy: `run "chmod o-w ${path}"` };
  }
  if ((stats.mode & GROUP_WRITE) !== 0 && stats.gid !== ROOT && stats.gid !== stats.uid) {
    // A group of the same number as its owner is that user's own (`umask 002` is usual on such systems).
    return { reason: `${what} can be written by group ${stats.gid}`, remedy: `run "chmod g-w ${path}"` };
  }
  return undefined;
}
