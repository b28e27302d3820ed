import { BoxliteError } from '@boxlite/core';

/**
 * Docker's `-e`: `KEY=VALUE`, or `KEY` alone to pass the host's value on; a name the host does not have is left out.
 * @param entries in the order given; later ones win
 * @throws BoxliteError `invalid_argument` (field `env`) for an entry without a name
 */
export function parseEnv(
  entries: readonly string[],
  hostEnv: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const env: Record<string, string> = {};
  for (const entry of entries) {
    const split = entry.indexOf('=');
    if (split === 0 || entry === '') {
      throw new BoxliteError('invalid_argument', `environment entry ${JSON.stringify(entry)} has no name`, {
        hint: 'write -e NAME=VALUE, or -e NAME to pass the value of this shell on',
        details: { field: 'env' },
      });
    }
    const name = split === -1 ? entry : entry.slice(0, split);
    const value = split === -1 ? hostEnv[name] : entry.slice(split + 1);
    if (value !== undefined) env[name] = value;
  }
  return env;
}
