import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** Whether a program of this name can be run. */
export function isOnPath(name) {
  return (process.env.PATH ?? '').split(':').some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false; // Not here, then.
    }
  });
}
