/** One entry of an archive. `mode` as in `stat`; `device` of a device node as major and minor number. */

/**
 * The "newc" archive an initial RAM disk is (kernel documentation, early-userspace/buffer-format).
 * @param {readonly { name: string, mode: number, data?: Uint8Array, device?: readonly [number, number] }[]} entries
 */
export function cpio(entries) {
  const all = [...entries, { name: 'TRAILER!!!', mode: 0 }];
  return Buffer.concat(
    all.flatMap(({ name, mode, data = new Uint8Array(), device: [major, minor] = [0, 0] }, index) => {
      const path = Buffer.from(`${name}\0`);
      // inode, mode, uid, gid, links, mtime, size, device of the file system (2), of the node (2), size of the name, check
      const fields = [index + 1, mode, 0, 0, 1, 0, data.length, 0, 0, major, minor, path.length, 0];
      const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
      return [aligned(Buffer.concat([Buffer.from(header), path])), aligned(data)];
    }),
  );
}

function aligned(bytes) {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
