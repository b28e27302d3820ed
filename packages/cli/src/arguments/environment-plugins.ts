import { delimiter, isAbsolute } from 'node:path';
import { BoxliteError } from '@boxlite/core';

/** Names plugins for every command line of a shell, separated as in PATH. */
export const PLUGINS_VARIABLE = 'BOXLITE_PLUGINS';

/**
 * The plugins the environment names. A relative path would mean something else in each directory, so that whoever fills a directory could
 * choose what runs: it is refused.
 * @throws BoxliteError `plugin_invalid`
 */
export function environmentPlugins(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const locations = (environment[PLUGINS_VARIABLE] ?? '').split(delimiter).filter((location) => location !== '');
  const relative = locations.find((location) => location.startsWith('.') && !isAbsolute(location));
  if (relative === undefined) return locations;
  throw new BoxliteError('plugin_invalid', `plugin ${relative} of ${PLUGINS_VARIABLE}: the path is relative`, {
    hint: `write absolute paths or names of packages, separated by "${delimiter}"`,
    details: { field: PLUGINS_VARIABLE, path: relative },
  });
}
