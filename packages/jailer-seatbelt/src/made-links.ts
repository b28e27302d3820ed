import { lstat, mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, type SandboxContext } from '@boxlite/core';
import { unable } from './check-context.js';

type Link = NonNullable<SandboxContext['symlinks']>[number];

/** Links made in the one `/tmp` there is, where others may have made the same ones before. */
export interface MadeLinks {
  /**
   * Makes those that are not there yet; all or none.
   * @throws BoxliteError `sandbox_unavailable` where something else is in the place of one
   */
  make(links: readonly Link[]): Promise<void>;
  /** Removes those of them that were made here and still lead where they led. */
  remove(links: readonly Link[]): Promise<void>;
}

export function createMadeLinks(): MadeLinks {
  /** Path to target. */
  const made = new Map<string, string>();
  const remove = async (links: readonly Link[]) => {
    for (const { path, target } of links) {
      if (made.get(path) !== target) continue;
      made.delete(path);
      if ((await targetOf(path)) === target) await rm(path, { force: true });
    }
  };
  return {
    async make(links) {
      const now: Link[] = [];
      try {
        for (const [index, link] of links.entries()) {
          if (!(await makeLink(link, index))) continue;
          made.set(link.path, link.target);
          now.push(link);
        }
      } catch (thrown) {
        await remove(now);
        throw thrown;
      }
    },
    remove,
  };
}

/** @returns false for one that is there already */
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
