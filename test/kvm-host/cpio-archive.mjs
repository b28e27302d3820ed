// The "newc" archive that Linux unpacks as its initramfs (Documentation/driver-api/early-userspace/buffer-format.rst).

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

/**
 * @param {{ path: string, mode?: number, data?: Uint8Array }[]} entries without data an entry is a directory; parents first
 * @returns {Buffer} the same bytes for the same entries: no times, no owners
 */
export function cpioArchive(entries) {
  const parts = [];
  let inode = 1;
  for (const { path, data, mode = data === undefined ? 0o755 : 0o644 } of entries) {
    parts.push(member(path, inode, (data === undefined ? S_IFDIR : S_IFREG) | mode, data ?? new Uint8Array()));
    inode += 1;
  }
  parts.push(member('TRAILER!!!', 0, 0, new Uint8Array()));
  return Buffer.concat(parts);
}

function member(path, inode, mode, data) {
  const name = Buffer.from(`${path}\0`);
  // Fields after the magic: inode, mode, uid, gid, links, mtime, size, device (2), special device (2), length of the name, checksum.
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
  return Buffer.concat([padded(Buffer.concat([Buffer.from(header), name])), padded(data)]);
}

/** Header with name, and data, each end on a multiple of four. */
function padded(bytes) {
  const length = Math.ceil(bytes.length / 4) * 4;
  return Buffer.concat([bytes, Buffer.alloc(length - bytes.length)]);
}
