import { randomBytes } from 'node:crypto';
import { readlinkSync, symlinkSync } from 'node:fs';
import { lstat, readdir, rename, stat, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import type { BoxLayout } from './box-layout.js';
import { ensurePrivateDirectory } from './private-directory.js';

/** Rounds against other processes making and removing the same link; each round is a few system calls. */
const MAX_ROUNDS = 16;

/** What is at a short link's path, seen from the directory it should name. */
export type SocketLinkStatus =
  | { readonly kind: 'ok' | 'missing' }
  /** A link to nothing: may be replaced. */
  | { readonly kind: 'stale'; readonly target: string }
  /** A link to something that exists elsewhere, or no link at all: never replaced. */
  | { readonly kind: 'foreign'; readonly target: string };

/** The members of a box layout that name its short links. */
export type LinkedBox = Pick<BoxLayout, 'id' | 'uid' | 'socketLink' | 'socketsDir' | 'controlLink' | 'controlDir'>;

/**
 * Makes or repairs the short links of a box. Called before every bind and dial: `/tmp` is cleaned by others.
 * @throws BoxliteError `permission_denied` when the parent belongs to somebody else; `already_exists` when another home holds the link
 */
export async function ensureSocketLinks(box: LinkedBox): Promise<void> {
  await ensurePrivateDirectory(dirname(box.socketLink), box.uid);
  await ensureLink(box.socketLink, box.socketsDir, box.id);
  await ensureLink(box.controlLink, box.controlDir, box.id);
}

/** Removes the short links of a box; links that name another place stay. */
export async function removeSocketLinks(box: LinkedBox): Promise<void> {
  for (const [link, directory] of [
    [box.socketLink, box.socketsDir],
    [box.controlLink, box.controlDir],
  ] as const) {
    const target = await readLinkTarget(link);
    if (target === directory) await unlinkIfPresent(link);
  }
}

/**
 * Removes every link of this user whose target is gone, for the start of a program.
 * @param parent `/tmp/bl-<uid>`
 * @returns the links removed
 */
export async function sweepSocketLinks(parent: string, uid: number): Promise<readonly string[]> {
  let names: string[];
  try {
    if ((await lstat(parent)).uid !== uid) return [];
    names = await readdir(parent);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw toBoxliteError(thrown, 'storage_error', `cannot read ${parent}`);
  }
  const removed: string[] = [];
  for (const name of names) {
    const link = join(parent, name);
    const target = await readLinkTarget(link);
    if (typeof target !== 'string' || (await exists(target))) continue;
    if (await removeStale(link, target)) removed.push(link);
  }
  return removed;
}

/** Looks at a short link without changing anything. */
export async function socketLinkStatus(link: string, directory: string): Promise<SocketLinkStatus> {
  const target = await readLinkTarget(link);
  if (target === undefined) return { kind: 'missing' };
  if (target === false) return { kind: 'foreign', target: link };
  if (target === directory || (await isSameDirectory(target, directory))) return { kind: 'ok' };
  return (await exists(target)) ? { kind: 'foreign', target } : { kind: 'stale', target };
}

async function ensureLink(link: string, directory: string, boxId: string): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const status = await socketLinkStatus(link, directory);
    if (status.kind === 'ok') return;
    if (status.kind === 'foreign') {
      throw new BoxliteError(
        'already_exists',
        `the socket link ${link} of box ${boxId} is in use by another place: ${status.target}`,
        {
          hint: 'two homes hold a box with the same id: remove one of the boxes, or the link if it is not BoxLite’s',
          details: { field: 'id', link, target: status.target },
        },
      );
    }
    if (status.kind === 'stale') await removeStale(link, status.target);
    try {
      symlinkSync(directory, link); // blocking, as in ensurePrivateDirectory
      return;
    } catch (thrown) {
      // EEXIST: another process was faster; the next round looks at what it made.
      if (errnoOf(thrown) !== 'EEXIST') throw toBoxliteError(thrown, 'storage_error', `cannot link ${link}`);
    }
  }
  throw new BoxliteError('storage_error', `the socket link ${link} of box ${boxId} keeps changing`, {
    hint: 'another program is rewriting it: see what else uses this directory',
    details: { link },
  });
}

/**
 * Takes a stale link away without ever taking a fresh one: it is moved aside first, and put back when it turns out to be
 * another than the one that was looked at.
 */
async function removeStale(link: string, target: string): Promise<boolean> {
  const aside = `${link}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(link, aside);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw toBoxliteError(thrown, 'storage_error', `cannot replace the stale link ${link}`);
  }
  const moved = await readLinkTarget(aside);
  if (typeof moved === 'string' && moved !== target) {
    await symlink(moved, link).catch((thrown: unknown) => {
      if (errnoOf(thrown) !== 'EEXIST') throw toBoxliteError(thrown, 'storage_error', `cannot put back ${link}`);
    });
    await unlinkIfPresent(aside);
    return false;
  }
  await unlinkIfPresent(aside);
  return true;
}

/** The target of a link, `false` for something that is no link, undefined for nothing. */
async function readLinkTarget(link: string): Promise<string | false | undefined> {
  try {
    return readlinkSync(link);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    if (errnoOf(thrown) === 'EINVAL') return false;
    throw toBoxliteError(thrown, 'storage_error', `cannot read ${link}`);
  }
}

async function unlinkIfPresent(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw toBoxliteError(thrown, 'storage_error', `cannot remove ${path}`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    // Only a target that is surely gone makes a link stale; one that cannot be looked at counts as existing.
    return !['ENOENT', 'ENOTDIR'].includes(errnoOf(thrown) ?? '');
  }
}

async function isSameDirectory(left: string, right: string): Promise<boolean> {
  try {
    const [a, b] = await Promise.all([stat(left, { bigint: true }), stat(right, { bigint: true })]);
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false; // one is missing or unreadable, so they are not one directory; the caller tells stale from foreign
  }
}
