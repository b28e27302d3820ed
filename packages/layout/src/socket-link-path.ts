import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Where the short links live. Not `os.tmpdir()`: on macOS that is long, and the jail makes the same link in its own `/tmp`. */
export const SHORT_LINK_ROOT = '/tmp';
/** The smallest `sockaddr_un.sun_path` of the supported platforms: 104 bytes on macOS, 108 on Linux. */
export const SUN_PATH_MAX_BYTES = 104;
/** The longest name a VMM binds in the directory (libkrun derives it from `net.sock`). */
export const LONGEST_SOCKET_NAME = 'net.sock-krun.sock';
/** Box ids up to this length name their link; longer ones are hashed to exactly this length. */
const MAX_LINK_NAME = 64;

/** The private directory of one user's links: `/tmp/bl-<uid>`. */
export function socketLinkParent(uid: number, linkRoot = SHORT_LINK_ROOT): string {
  return join(linkRoot, `bl-${uid}`);
}

/**
 * The short link of a box: `/tmp/bl-<uid>/<box_id>`. With a uid of 32 bits and any id,
 * `<link>/net.sock-krun.sock` is shorter than 104 bytes.
 */
export function socketLinkPath(boxId: string, uid: number, linkRoot = SHORT_LINK_ROOT): string {
  const name = boxId.length <= MAX_LINK_NAME ? boxId : createHash('sha256').update(boxId).digest('hex');
  return join(socketLinkParent(uid, linkRoot), name);
}

/** The short link of a box's control directory, for the host side only. A "." never occurs in a box id, so no id collides. */
export function controlLinkPath(boxId: string, uid: number, linkRoot = SHORT_LINK_ROOT): string {
  return `${socketLinkPath(boxId, uid, linkRoot)}.control`;
}
