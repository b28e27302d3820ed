import { decodeBackingName, resolveBackingName } from './backing-name.js';
import { diskInvalid } from './disk-errors.js';
import { closeDiskFile, openDiskFile, readAt, requireAbsolutePath } from './disk-file.js';
import { HeaderField, QCOW2_MAGIC } from './format.js';
import { MAX_BACKING_NAME_BYTES } from './limits.js';

/**
 * The backing file of a disk, from magic, version, offset and length alone: garbage collection must be able to see what a
 * damaged disk needs. Whatever leaves that in doubt throws, and nothing may be deleted then.
 * @returns undefined for a disk without one
 * @throws BoxliteError `disk_invalid`, `not_found`, `storage_error`
 */
export async function readBackingPath(path: string): Promise<string | undefined> {
  requireAbsolutePath(path, 'path');
  const disk = openDiskFile(path);
  try {
    const header = await readAt(disk, 0, HeaderField.clusterBits);
    if (header.length < HeaderField.clusterBits) throw diskInvalid(path, 'header', `the file ends inside it`);
    if (header.readUInt32BE(HeaderField.magic) !== QCOW2_MAGIC) {
      throw diskInvalid(path, 'magic', 'this is not a qcow2 file');
    }
    const version = header.readUInt32BE(HeaderField.version);
    if (version !== 2 && version !== 3) throw diskInvalid(path, 'version', `${version} is unknown`);
    const offset = header.readBigUInt64BE(HeaderField.backingFileOffset);
    const size = header.readUInt32BE(HeaderField.backingFileSize);
    if (offset === 0n) return undefined;
    if (size === 0 || size > MAX_BACKING_NAME_BYTES) {
      throw diskInvalid(path, 'backing_file_size', `${size} is not from 1 to ${MAX_BACKING_NAME_BYTES}`);
    }
    if (offset + BigInt(size) > BigInt(disk.size)) {
      throw diskInvalid(path, 'backing_file_offset', `${size} bytes at ${offset} are not inside the file`);
    }
    const name = await readAt(disk, Number(offset), size);
    if (name.length < size) throw diskInvalid(path, 'backing_file_offset', 'the file ends inside the name');
    return resolveBackingName(path, decodeBackingName(name, path));
  } finally {
    closeDiskFile(disk);
  }
}
