import { readlink, realpath } from 'node:fs/promises';
import { BoxliteError, errnoOf, type PathAccess, type SandboxContext } from '@boxlite/core';
import { withoutSlash } from './landlock-rules.js';

/** A path by its name in the context, and what it is on this host. */
interface Resolved {
  readonly path: string;
  readonly real: string;
}

interface ResolvedGrant extends Resolved {
  readonly writable: boolean;
}

/**
 * Refuses what Landlock cannot honour. It only ever allows more with each path: below an allowed one nothing can be hidden or made read-only. It makes
 * no links and maps no ids. Inside a view these are matters of the sandbox that built it.
 *
 * Compared is what the paths really are, for Landlock holds files, not names.
 * @returns sentences about what is weaker than the contract's default
 * @throws BoxliteError `sandbox_unavailable`, `details.field` naming the member of the context
 */
export async function checkContext(
  context: SandboxContext,
  ids: { readonly uid: number; readonly gid: number },
): Promise<readonly string[]> {
  if (context.sandboxProfile !== undefined) {
    throw unable('sandboxProfile', 'a sandbox profile is a macOS matter', 'leave sandboxProfile out');
  }
  if (context.insideView === true) return [];
  const masks = await resolveAll((context.maskedPaths ?? []).map((path) => ({ path: withoutSlash(path) })));
  const grants = (await resolveAll(context.paths)).filter(({ path }) => !masks.some((mask) => mask.path === path));
  for (const mask of masks) refuseVisible(mask, grants);
  for (const grant of grants) refuseWeakened(grant, grants);
  for (const link of context.symlinks ?? []) await refuseMissingLink(link);
  if (context.runAs !== undefined && ids.uid !== 0 && !isSame(context.runAs, ids)) {
    throw unable(
      'runAs',
      `user ${ids.uid} cannot run it as user ${context.runAs.uid}, group ${context.runAs.gid}`,
      `start it as root, leave runAs out, or compose it with bubblewrap, which has ids of its own`,
    );
  }
  return grants.flatMap((grant) => (grant.writable ? executableAll(grant, grants) : []));
}

export function isSame(one: { uid: number; gid: number }, other: { uid: number; gid: number }): boolean {
  return one.uid === other.uid && one.gid === other.gid;
}

function refuseVisible(mask: Resolved, grants: readonly ResolvedGrant[]): void {
  const above = grants.find(({ real }) => isWithin(real, mask.real));
  if (above === undefined) return;
  throw unable(
    'maskedPaths',
    `it cannot hide ${mask.path} below ${above.path}, which is allowed`,
    'grant the directories beside it instead, or compose it with bubblewrap',
  );
}

function refuseWeakened(grant: ResolvedGrant, grants: readonly ResolvedGrant[]): void {
  if (grant.writable) return;
  const above = grants.find((other) => other.writable && isWithin(other.real, grant.real));
  if (above === undefined) return;
  throw unable(
    'paths',
    `it cannot keep ${grant.path} read-only below ${above.path}, which may be written`,
    'grant the directories beside it instead, or compose it with bubblewrap',
  );
}

function executableAll(grant: ResolvedGrant, grants: readonly ResolvedGrant[]): string[] {
  const above = grants.find((other) => !other.writable && isWithin(other.real, grant.real));
  if (above === undefined) return [];
  return [`what is written below ${grant.path} may be executed, for so may everything below ${above.path}`];
}

async function refuseMissingLink({ path, target }: { readonly path: string; readonly target: string }): Promise<void> {
  const found = await unlessMissing(readlink(path));
  if (found === target) return;
  throw unable(
    'symlinks',
    `it makes no links, and ${path} does not lead to ${target}`,
    'make the link on the host, or compose it with bubblewrap',
  );
}

/** What does not exist is left out: it is no grant, and nothing is there to hide. */
async function resolveAll<Path extends Pick<PathAccess, 'path'>>(paths: readonly Path[]): Promise<(Path & Resolved)[]> {
  const resolved: (Path & Resolved)[] = [];
  for (const path of paths) {
    const real = await unlessMissing(realpath(path.path));
    if (real !== undefined) resolved.push({ ...path, real });
  }
  return resolved;
}

async function unlessMissing<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    // Not there, no link, or not to be reached: then not by the command either.
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'EINVAL'].includes(errnoOf(thrown) ?? '')) return undefined;
    throw thrown;
  }
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function unable(field: string, why: string, hint: string): BoxliteError {
  return new BoxliteError('sandbox_unavailable', `Landlock cannot confine this command: ${why}`, {
    hint,
    details: { field },
  });
}
