/**
 * An archive as the kernel unpacks it for its first root file system ("newc": Documentation/driver-api/early-userspace/buffer-format.rst).
 * @param {{ path: string, mode?: number, content?: Uint8Array | string }[]} entries directories have no content; their parents come first
 * @returns {Buffer}
 */
export function cpioArchive(entries) {
  const all = [...entries, { path: 'TRAILER!!!', mode: 0 }];
  return Buffer.concat(all.flatMap((entry, index) => memberOf(entry, index + 1)));
}

const DIRECTORY_MODE = 0o40755;
const PROGRAM_MODE = 0o100755;

function memberOf({ path, content, mode = content === undefined ? DIRECTORY_MODE : PROGRAM_MODE }, inode) {
  const data = Buffer.from(content ?? '');
  const name = Buffer.from(`${path}\0`);
  const numbers = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`);
  return [padded(Buffer.concat([header, name])), padded(data)];
}

const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
