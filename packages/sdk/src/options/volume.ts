import { realpath, stat } from 'node:fs/promises';
import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';
import { isForbiddenVolume } from '@boxlite/layout';

/** A volume that has passed every check. `tag` is the virtiofs tag; uid and gid are those of its owner. */
export interface CheckedVolume {
  readonly tag: string;
  /** A single file is shared without its neighbours. */
  readonly kind: 'directory' | 'file';
  readonly hostPath: string;
  readonly guestPath: string;
  readonly readOnly: boolean;
  readonly ownerUid: number;
  readonly ownerGid: number;
}

export interface VolumeRequest {
  readonly hostPath: string;
  readonly guestPath: string;
  readonly readOnly: boolean;
}

/**
 * Says which canonical paths no box may be given: those that are, or contain, `/`, the user's home or the BoxLite home, and whatever lies in
 * the BoxLite home. The homes are resolved first: one that is a symbolic link would be no prefix of what lies in it.
 */
export async function volumeGuard(userHome: string, boxliteHome: string): Promise<(canonicalPath: string) => boolean> {
  const [home, boxes] = await Promise.all([canonicalHome(userHome), canonicalHome(boxliteHome)]);
  return (path) => isForbiddenVolume(path, home, boxes) || path.startsWith(`${boxes}/`);
}

async function canonicalHome(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    // A user without a home directory has none to protect; the path is still refused.
    if (errnoOf(thrown) === 'ENOENT') return path;
    throw toBoxliteError(thrown, 'storage_error', `cannot resolve ${path}`);
  }
}

/**
 * Checks volumes in the order of spec section 4: exists, canonical, is a directory or a single file, stat.
 * @param requests in the order of the options; the tag of each is `uservol<i>`
 * @param isForbidden see {@link volumeGuard}
 * @throws BoxliteError `config_error` naming the path
 */
export async function checkVolumes(
  requests: readonly VolumeRequest[],
  isForbidden: (canonicalPath: string) => boolean,
): Promise<readonly CheckedVolume[]> {
  return Promise.all(requests.map((request, index) => checkVolume(request, index, isForbidden)));
}

async function checkVolume(
  { hostPath, guestPath, readOnly }: VolumeRequest,
  index: number,
  isForbidden: (path: string) => boolean,
): Promise<CheckedVolume> {
  const field = `volumes.${index}.hostPath`;
  const refuse = (why: string, hint: string, cause?: unknown) =>
    new BoxliteError('config_error', `volume ${JSON.stringify(hostPath)} ${why}`, {
      hint,
      cause,
      details: { field, path: hostPath },
    });
  const canonical = await realpath(hostPath).catch((cause: unknown) => {
    throw refuse('does not exist or cannot be resolved', 'create the directory first', cause);
  });
  const found = await stat(canonical).catch((cause: unknown) => {
    throw refuse('cannot be read', 'check its permissions', cause);
  });
  const kind = found.isDirectory() ? 'directory' : 'file';
  if (kind === 'file' && !found.isFile()) {
    throw refuse('is neither a directory nor a plain file', 'share a directory or a plain file');
  }
  if (isForbidden(canonical)) {
    throw refuse(
      'is or contains /, your home or the BoxLite home, or lies in the BoxLite home',
      'share a directory that holds only what the box needs',
    );
  }
  return {
    tag: `uservol${index}`,
    kind,
    hostPath: canonical,
    guestPath,
    readOnly,
    ownerUid: found.uid,
    ownerGid: found.gid,
  };
}
