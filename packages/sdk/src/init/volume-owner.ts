import type { CheckedVolume } from '../options/volume.js';

/** Numeric ids of a user in the container. */
export interface ContainerIds {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The ids the VMM is shown as where it serves volumes, so that the files of the person who runs the box are the container user's in the guest, and
 * what the guest makes belongs to that person: the jail's user namespace maps the one to the other.
 *
 * A name is known only inside the image: such a user's files are shown as root's, who is served as well. Without a group, the one of
 * the same number is meant, which is what images have.
 * @param user as in the box options or the image: `""`, `uid`, `uid:gid`, `name`, `name:group`
 */
export function containerIds(user: string): ContainerIds {
  const [, uid, gid] = /^(\d{1,9})(?::(\d{1,9}))?$/.exec(user) ?? [];
  if (uid === undefined) return { uid: 0, gid: 0 };
  return { uid: Number(uid), gid: Number(gid ?? uid) };
}

/**
 * What a person may not expect of their volumes, a sentence each.
 * @param runningUid the user who runs the box
 */
export function volumeWarnings(volumes: readonly CheckedVolume[], user: string, runningUid: number): readonly string[] {
  const foreign = volumes
    .filter(({ ownerUid }) => ownerUid !== runningUid)
    .map(
      ({ hostPath, ownerUid, readOnly }) =>
        `volume ${hostPath} belongs to user ${ownerUid}, and user ${runningUid} runs the box: the guest sees it as nobody's` +
        `${readOnly ? '' : ' and may write only what others may'}`,
    );
  const named = volumes.length > 0 && !/^(\d|root(:|$)|$)/.test(user);
  return named
    ? [...foreign, `the files of volumes are shown as root's to user "${user}": give its number instead of its name`]
    : foreign;
}
