import { BoxliteError, type PathAccess, type SandboxContext } from '@boxlite/core';

/** The devices of every view. */
const DEVICES = ['/dev/null', '/dev/zero', '/dev/random', '/dev/urandom'];

/**
 * What the helper turns into a Landlock ruleset: one record a path, in the form of `native/landlock/restrict.h`. A pure function.
 *
 * `r` read, `x` read and execute, `w` everything but execute and what concerns devices, `d` everything of a device. What may be written cannot be
 * executed, so a program dropped into a share or a temporary directory does not run.
 * @throws BoxliteError `invalid_argument` for a path with a NUL character: it would become further rules
 */
export function landlockRules(context: SandboxContext): Uint8Array {
  const hidden = new Set((context.maskedPaths ?? []).map(withoutSlash));
  const rules = context.paths
    .filter(({ path }) => context.insideView === true || !hidden.has(path))
    .map(ruleOf(context));
  // A view has a /tmp of its own; elsewhere it is everybody's.
  if (context.insideView === true) rules.push('w/tmp');
  for (const device of [...DEVICES, ...(context.devices ?? [])]) rules.push(`d${device}`);
  const bad = rules.find((rule) => rule.includes('\0'));
  if (bad !== undefined) {
    throw new BoxliteError('invalid_argument', `a NUL character in ${JSON.stringify(bad.slice(1, 160))}`, {
      hint: 'no path can hold one',
      details: { field: 'paths' },
    });
  }
  return new TextEncoder().encode([...new Set(rules)].map((rule) => `${rule}\0`).join(''));
}

/** A mask of a directory ends with a slash. */
export function withoutSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Inside a view the names are those of the view: who built it sees to it that they are the files that were meant. */
const ruleOf =
  ({ insideView }: SandboxContext) =>
  ({ path, writable, executable, identity }: PathAccess): string => {
    const letter = writable ? 'w' : executable === false ? 'r' : 'x';
    const file = identity === undefined || insideView === true ? '' : `${identity.device}:${identity.inode}:`;
    return `${letter}${file}${path}`;
  };
