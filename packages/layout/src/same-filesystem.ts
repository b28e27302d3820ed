import { BoxliteError, toBoxliteError } from '@boxlite/core';
import type { StatDevice } from './prepare-home.js';
import { HOME_VARIABLE } from './resolve-home.js';

/**
 * Every install is "stage in tmp, fsync, rename", and a rename cannot cross file systems.
 * @param directories the first is where staging happens
 * @throws BoxliteError `config_error` naming every directory with its device
 */
export async function checkSameFilesystem(directories: readonly string[], statDevice: StatDevice): Promise<void> {
  const devices = await Promise.all(
    directories.map(async (path) => {
      try {
        return { path, device: String(await statDevice(path)) };
      } catch (thrown) {
        throw toBoxliteError(thrown, 'storage_error', `cannot read the device of ${path}`);
      }
    }),
  );
  if (new Set(devices.map(({ device }) => device)).size <= 1) return;
  const list = devices.map(({ path, device }) => `${path} (device ${device})`).join(', ');
  throw new BoxliteError('config_error', `the BoxLite home must be on one file system, but these differ: ${list}`, {
    hint: `set ${HOME_VARIABLE} to a directory on the larger file system, instead of mounting one inside the home`,
    details: { field: HOME_VARIABLE, devices },
  });
}
