import { lstat, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, type SandboxContext } from '@boxlite/core';
import { unable } from './check-context.js';

type Link = NonNullable<SandboxContext['symlinks']>[number];

/**
 * Makes the links a context asks for, in the one `/tmp` there is; those that are there already stay as they are.
 * @returns the ones it made
 * @throws BoxliteError `sandbox_unavailable` where something else is in the place of one
 */
export async function makeLinks(links: readonly Link[]): Promise<readonly Link[]> {
  const made: Link[] = [];
  try {
    for (const [index, link] of links.entries()) {
      if (await makeLink(link, index)) made.push(link);
    }
  } catch (thrown) {
    await removeLinks(made);
    throw thrown;
  }
  return made;
}

/** Removes links that {@link makeLinks} made and that still lead where they led. */
export async function removeLinks(links: readonly Link[]): Promise<void> {
  for (const { path, target } of links) {
    if ((await targetOf(path)) === target) await rm(path, { force: true });
  }
}

async function makeLink({ path, target }: Link, index: number): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await symlink(target, path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EEXIST') throw thrown;
    if ((await targetOf(path)) === target) return false;
    throw unable(
      `symlinks[${index}].path`,
      `something else than the link to ${target} is at ${path}`,
      `look at ${path}, and remove it if nobody needs it`,
      thrown,
    );
  }
}

/** Where a link leads; undefined if there is no link. */
async function targetOf(path: string): Promise<string | undefined> {
  try {
    return (await lstat(path)).isSymbolicLink() ? await readlink(path) : undefined;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}
