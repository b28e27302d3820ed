import { constants } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { BoxliteError, type FileIdentity } from '@boxlite/core';
import { resolveVolumePath } from './resolve-volume-path.js';
import type { VolumeGuard } from './volume-guard.js';

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
  /** Of what was checked: what the VMM is shown later must be this and nothing that was put in its place. */
  readonly identity: FileIdentity;
}

export interface VolumeRequest {
  readonly hostPath: string;
  readonly guestPath: string;
  readonly readOnly: boolean;
}

/** Missing in Node's constants: the descriptor only names the file (open(2)), so that a device or pipe does nothing when it is opened. */
const O_PATH = 0o10000000;

/**
 * Checks volumes in the order of spec section 4: exists, canonical, is a directory or a single file, stat. Each is opened once, and everything is
 * asked of what was opened, so that nothing is known of one file and used of another.
 * @param requests in the order of the options; the tag of each is `uservol<i>`
 * @param refusal see `volumeGuard`
 * @param guestWritable canonical directories the guests of boxes may write: no link in them is followed
 * @throws BoxliteError `config_error` naming the path
 */
export async function checkVolumes(
  requests: readonly VolumeRequest[],
  refusal: VolumeGuard,
  guestWritable: readonly string[] = [],
): Promise<readonly CheckedVolume[]> {
  return Promise.all(requests.map((request, index) => checkVolume(request, index, refusal, guestWritable)));
}

async function checkVolume(
  { hostPath, guestPath, readOnly }: VolumeRequest,
  index: number,
  refusal: VolumeGuard,
  guestWritable: readonly string[],
): Promise<CheckedVolume> {
  const field = `volumes.${index}.hostPath`;
  const refuse = (why: string, hint: string, cause?: unknown) =>
    new BoxliteError('config_error', `volume ${JSON.stringify(hostPath)} ${why}`, {
      hint,
      cause,
      details: { field, path: hostPath },
    });
  const resolved = await resolveVolumePath(hostPath, guestWritable).catch((cause: unknown) => {
    throw refuse('does not exist or cannot be resolved', 'create the directory first', cause);
  });
  if (resolved.plantable !== undefined) {
    throw refuse(
      `leads through the symbolic link ${JSON.stringify(resolved.plantable)}, where the guest of a box may write`,
      `name the directory the link leads to, if it is yours: a box shares ${resolved.within} for writing`,
    );
  }
  const { path: canonical } = resolved;
  const handle = await openToLook(canonical).catch((cause: unknown) => {
    throw refuse('cannot be read', 'check its permissions', cause);
  });
  try {
    if (!(await liesAt(handle, canonical))) throw refuse(...BECAME_ANOTHER);
    const found = await handle.stat({ bigint: true });
    if (found.isSymbolicLink()) throw refuse(...BECAME_ANOTHER);
    const kind = found.isDirectory() ? 'directory' : 'file';
    if (kind === 'file' && !found.isFile()) {
      throw refuse('is neither a directory nor a plain file', 'share a directory or a plain file');
    }
    const why = refusal(canonical);
    if (why !== undefined) throw refuse(why, 'share a directory that holds only what the box needs');
    return {
      tag: `uservol${index}`,
      kind,
      hostPath: canonical,
      guestPath,
      readOnly,
      ownerUid: Number(found.uid),
      ownerGid: Number(found.gid),
      identity: { device: String(found.dev), inode: String(found.ino) },
    };
  } finally {
    await handle.close();
  }
}

const BECAME_ANOTHER = [
  'became another file during the start',
  'share a place where nobody else writes, or start again',
] as const;

/** The error for a volume that is not any more what was checked. */
export function volumeBecameAnother({ hostPath }: Pick<CheckedVolume, 'hostPath'>, index: number): BoxliteError {
  const [why, hint] = BECAME_ANOTHER;
  return new BoxliteError('config_error', `volume ${JSON.stringify(hostPath)} ${why}`, {
    hint,
    details: { field: `volumes.${index}.hostPath`, path: hostPath },
  });
}

/** Elsewhere than on Linux opening may do something: not with a pipe, which is only not waited for. */
function openToLook(path: string): Promise<FileHandle> {
  const look = process.platform === 'linux' ? O_PATH : constants.O_RDONLY | constants.O_NONBLOCK;
  return open(path, look | constants.O_NOFOLLOW);
}

/** False when a directory on the way has become a link since the path was resolved. Only Linux can tell. */
async function liesAt({ fd }: FileHandle, path: string): Promise<boolean> {
  return process.platform !== 'linux' || (await readlink(`/proc/self/fd/${fd}`)) === path;
}
