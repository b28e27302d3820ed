import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { BoxliteError } from '@boxlite/core';

/** What `-v` asks for, with an absolute host path. */
export interface ParsedVolume {
  readonly hostPath: string;
  readonly guestPath: string;
  readonly readOnly: boolean;
}

/**
 * Docker's `-v HOST:BOX[:ro|rw]`. The host path is absolute, or begins with `.` or `~`, so that a name is never taken for a directory.
 * @param entries in the order given
 * @throws BoxliteError `invalid_argument` (field `volume`)
 */
export function parseVolumes(entries: readonly string[], cwd: string, home = homedir()): readonly ParsedVolume[] {
  return entries.map((entry) => {
    const [, host, guestPath, mode = 'rw'] = /^(.+?):(\/[^:]*)(?::(.*))?$/s.exec(entry) ?? [];
    if (host === undefined || guestPath === undefined) {
      throw refuse(entry, 'is not HOST:BOX[:ro|rw] with an absolute path in the box');
    }
    if (mode !== 'ro' && mode !== 'rw') throw refuse(entry, `has the unknown mode ${JSON.stringify(mode)}`);
    if (!/^[/.~]/.test(host))
      throw refuse(entry, 'names a volume: there are no named volumes, only paths of this host');
    const expanded = host === '~' || host.startsWith('~/') ? `${home}${host.slice(1)}` : host;
    return { hostPath: resolve(cwd, expanded), guestPath, readOnly: mode === 'ro' };
  });
}

function refuse(entry: string, why: string): BoxliteError {
  return new BoxliteError('invalid_argument', `volume ${JSON.stringify(entry.slice(0, 160))} ${why}`, {
    hint: 'write -v /host/dir:/box/dir, -v ./dir:/box/dir:ro or -v ./file:/box/file',
    details: { field: 'volume' },
  });
}
