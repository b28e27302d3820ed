import { userInfo } from 'node:os';
import { isAbsolute, join, normalize, parse } from 'node:path';
import { BoxliteError } from '@boxlite/core';

/** The environment variable that moves the home. */
export const HOME_VARIABLE = 'BOXLITE_HOME';

/**
 * The home directory: `$BOXLITE_HOME`, else `~/.boxlite`. An empty variable counts as unset.
 * @param env the environment to read; `HOME` decides what `~` is, the password database when it is unset
 * @throws BoxliteError `config_error` when the result is not an absolute path
 */
export function resolveHome(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const chosen = env[HOME_VARIABLE];
  if (chosen !== undefined && chosen !== '') return checkHome(chosen, HOME_VARIABLE);
  const userHome = env.HOME === undefined || env.HOME === '' ? userInfo().homedir : env.HOME;
  return checkHome(join(userHome, '.boxlite'), 'HOME');
}

/**
 * Normalizes a home path (no `.`, `..`, doubled or trailing slash).
 * @param path what was given
 * @param field where it came from, for the error
 * @throws BoxliteError `config_error` when it is relative, the root directory, or holds a NUL byte
 */
export function checkHome(path: string, field: string): string {
  const refuse = (why: string, hint: string): BoxliteError =>
    new BoxliteError('config_error', `the BoxLite home ${JSON.stringify(path)} (from ${field}) ${why}`, {
      hint,
      details: { field, path },
    });
  if (path.includes('\0')) throw refuse('contains a NUL byte', `set ${HOME_VARIABLE} to an absolute path`);
  if (!isAbsolute(path)) {
    throw refuse(
      'is not an absolute path',
      `set ${HOME_VARIABLE} to a path that starts with "/" ("~" is not expanded)`,
    );
  }
  const normal = normalize(path);
  const home = normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
  if (home === parse(home).root)
    throw refuse('is the root directory', `set ${HOME_VARIABLE} to a directory of its own`);
  return home;
}
