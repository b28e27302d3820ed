import { BoxliteError } from '@boxlite/core';

/** Version of the format user space and tar use (linux/posix_acl_xattr.h). */
const USER_SPACE_VERSION = 2;
/** Version of ext4's own, shorter format (fs/ext4/acl.h). */
const EXT4_VERSION = 1;
/** ACL_USER and ACL_GROUP: the only entries that carry an id. */
const TAGS_WITH_ID = new Set([0x02, 0x08]);
const KNOWN_TAGS = new Set([0x01, 0x02, 0x04, 0x08, 0x10, 0x20]);

/**
 * Converts a `system.posix_acl_*` value from the form in tar archives to the one ext4 stores.
 * @throws BoxliteError `layer_invalid` when it is not an access control list
 */
export function encodePosixAcl(value: Uint8Array): Uint8Array {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (value.length < 4 || (value.length - 4) % 8 !== 0 || view.getUint32(0, true) !== USER_SPACE_VERSION) {
    throw invalidAcl();
  }
  const bytes: number[] = [EXT4_VERSION, 0, 0, 0];
  for (let at = 4; at < value.length; at += 8) {
    const tag = view.getUint16(at, true);
    if (!KNOWN_TAGS.has(tag)) throw invalidAcl();
    bytes.push(...value.subarray(at, at + (TAGS_WITH_ID.has(tag) ? 8 : 4)));
  }
  return Uint8Array.from(bytes);
}

function invalidAcl(): BoxliteError {
  return new BoxliteError('layer_invalid', 'a layer has a malformed POSIX access control list', {
    hint: 'rebuild the image; the system.posix_acl_* attributes of its layer are damaged',
    details: { field: 'system.posix_acl' },
  });
}
