import { BoxliteError } from '@boxlite/core';

/** What is wrong with a plugin somebody named. @param location as it was given */
export function pluginInvalid(location: string, why: string, hint: string, cause?: unknown): BoxliteError {
  return new BoxliteError('plugin_invalid', `plugin ${location}: ${why}`, {
    hint,
    ...(cause === undefined ? {} : { cause }),
    details: { field: 'plugin', path: location },
  });
}
