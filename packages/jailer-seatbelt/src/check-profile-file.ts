import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { errnoOf, type PathAccess } from '@boxlite/core';
import { type CallerIds, unable } from './check-context.js';
import { canonicalPath, isWithin } from './profile/path-forms.js';
import { isExpressible } from './sbpl/sbpl-string.js';

const ROOT = 0;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Whether a profile somebody wrote can be used instead of the generated one. What it permits is its author's business; that nobody else can
 * change it, and the confined command least of all, is ours.
 * @throws BoxliteError `sandbox_unavailable`, `details.field` `sandboxProfile`
 */
export async function checkProfileFile(
  profile: string,
  paths: readonly PathAccess[],
  caller: CallerIds,
): Promise<void> {
  const refuse = (why: string, hint: string) => unable('sandboxProfile', why, hint);
  if (!profile.startsWith('/') || !isExpressible(profile)) {
    throw refuse(
      `the profile ${JSON.stringify(profile.slice(0, 160))} is not an absolute path`,
      'give its absolute path',
    );
  }
  const writable = paths.find(
    (access) => access.writable && isWithin(canonicalPath(access.path), canonicalPath(profile)),
  );
  if (writable !== undefined) {
    throw refuse(
      `the command could change the profile ${profile}: ${writable.path} is writable to it`,
      'put it elsewhere',
    );
  }
  const found = await lookAt(profile);
  if (typeof found === 'string') {
    throw refuse(`the profile ${profile} cannot be read (${found})`, 'name a profile that exists, or none');
  }
  if (!found.isFile()) throw refuse(`the profile ${profile} is not a file`, 'name an SBPL file');
  if (found.uid !== ROOT && found.uid !== caller.uid) {
    throw refuse(`the profile ${profile} belongs to user ${found.uid}`, 'use a profile of your own, or of root');
  }
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw refuse(`others can write the profile ${profile}`, `run: chmod go-w '${profile.replaceAll("'", "'\\''")}'`);
  }
}

/** What is at a path, or the name of the error that says why that cannot be told. */
async function lookAt(path: string): Promise<Stats | string> {
  try {
    return await stat(path);
  } catch (thrown) {
    return errnoOf(thrown) ?? String(thrown);
  }
}
