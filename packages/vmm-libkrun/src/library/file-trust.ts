import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasAccessList } from './has-access-list.js';
import type { LibkrunProblem } from './libkrun-problem.js';

const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;
const STICKY = 0o1000;
const ROOT = 0;
/** macOS: members of group `admin` may become root anyway, and Homebrew lets them write. */
const MACOS_ADMIN_GROUP = 80;

/** Who may own or write what is loaded into this process. */
export interface TrustedOwners {
  readonly uids: ReadonlySet<number>;
  readonly platform: string;
}

/**
 * Root, this user, and the owner of this very file: who can change the program that makes the check gains nothing by changing the library.
 */
export async function trustedOwners(): Promise<TrustedOwners> {
  const { uid } = await lstat(fileURLToPath(import.meta.url));
  return { uids: new Set([ROOT, uid, process.geteuid?.() ?? ROOT]), platform: process.platform };
}

/**
 * Whether somebody else can change a file, by writing it or by putting another in its place. Its code is going to run with this user's
 * rights, in this process and in the one that becomes the VM.
 * @param path absolute, symbolic links resolved
 * @returns undefined when nobody can
 */
export async function untrustedReason(path: string, owners: TrustedOwners): Promise<LibkrunProblem | undefined> {
  const problem = await problemOf(path, owners, false);
  if (problem !== undefined) return problem;
  for (
    let child = path, directory = dirname(path);
    directory !== child;
    child = directory, directory = dirname(directory)
  ) {
    // In a sticky directory nobody can replace another's file (/tmp). But in the library's own one somebody could lay a file beside it that
    // it loads by name, such as libkrunfw.
    const isAncestor = child !== path;
    const found = await problemOf(directory, owners, isAncestor);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function problemOf(
  path: string,
  owners: TrustedOwners,
  mayBeSticky: boolean,
): Promise<LibkrunProblem | undefined> {
  const stats = await lstat(path);
  const problem = problemOfMode(path, stats, owners, mayBeSticky);
  const isGuarded = mayBeSticky && (stats.mode & STICKY) !== 0;
  if (problem !== undefined || isGuarded || (stats.mode & GROUP_WRITE) === 0 || !(await hasAccessList(path)))
    return problem;
  const what = stats.isDirectory() ? `the directory ${path}` : 'it';
  return {
    problem: `is not safe to load: ${what} can be written by whom its access list names`,
    remedy: `run "setfacl -b ${path}"`,
  };
}

function problemOfMode(
  path: string,
  stats: Stats,
  owners: TrustedOwners,
  mayBeSticky: boolean,
): LibkrunProblem | undefined {
  const what = stats.isDirectory() ? `is not safe to load: the directory ${path}` : 'is not safe to load: it';
  if (!owners.uids.has(stats.uid)) {
    return {
      problem: `${what} belongs to user ${stats.uid}, who could change it`,
      remedy: `use a copy that belongs to you or to root, or run "chown" on ${path}`,
    };
  }
  const isGuarded = mayBeSticky && (stats.mode & STICKY) !== 0;
  if (isGuarded) return undefined;
  if ((stats.mode & OTHERS_WRITE) !== 0) {
    return { problem: `${what} can be written by every user`, remedy: `run "chmod o-w ${path}"` };
  }
  if ((stats.mode & GROUP_WRITE) !== 0 && !isTrustedGroup(stats, owners)) {
    return { problem: `${what} can be written by group ${stats.gid}`, remedy: `run "chmod g-w ${path}"` };
  }
  return undefined;
}

/** Root's group, and the group of the same number as its owner: distributions give each user one (`umask 002` is usual there). */
function isTrustedGroup({ uid, gid }: Stats, { platform }: TrustedOwners): boolean {
  return gid === ROOT || gid === uid || (platform === 'darwin' && gid === MACOS_ADMIN_GROUP);
}
