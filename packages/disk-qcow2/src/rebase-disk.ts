import { BoxliteError, type DiskBase, toBoxliteError } from '@boxlite/core';
import { examineBase, nameOfBase } from './create-child.js';
import type { DiskContext } from './disk-context.js';
import { diskChainInvalid, quoted } from './disk-errors.js';
import { closeDiskFile, openDiskFile, readAt, requireAbsolutePath, syncData, writeAt } from './disk-file.js';
import { encodeRebase } from './encode-rebase.js';
import { MAX_HEADER_AREA_BYTES } from './limits.js';
import { parseHeader } from './parse-header.js';
import { withChain } from './read-chain.js';

/**
 * Makes a disk name another backing file, which holds the same bytes as the one before: nothing is compared, nothing copied. For a base that
 * has moved, or was flattened. First the new name, in room that nothing uses, then, durable on its own, the one sector that points to
 * it: interrupted, the disk names the old base or the new one.
 * @throws BoxliteError `invalid_argument` (fields `path`, `base.path`), `not_found`, `disk_invalid`, `disk_chain_invalid` (too deep, a loop),
 * `unsupported` (no room in the header; the disk has no backing file), `storage_error`
 */
export async function rebaseDisk(path: string, base: DiskBase, context: DiskContext): Promise<void> {
  requireAbsolutePath(path, 'path');
  const name = nameOfBase(base);
  await examineBase(base, context);
  const disk = openDiskFile(path, 'write');
  try {
    await requireNotBelow(path, disk.identity, base);
    const area = await readAt(disk, 0, Math.min(MAX_HEADER_AREA_BYTES, disk.size));
    const header = parseHeader(area, disk.size, path);
    const change = encodeRebase(area, header, { name, format: base.format });
    if (typeof change === 'string') {
      throw new BoxliteError('unsupported', `disk ${quoted(path)} cannot be rebased: ${change}`, {
        hint: 'use `qemu-img rebase -u`, or flatten the disk',
        details: { path, field: 'backing_file' },
      });
    }
    await writeAt(disk.fd, change.nameOffset, name);
    await syncData(disk.fd);
    await writeAt(disk.fd, 0, change.firstSector);
    await syncData(disk.fd);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(path)} cannot be rebased`);
  } finally {
    closeDiskFile(disk);
  }
}

async function requireNotBelow(path: string, identity: string, base: DiskBase): Promise<void> {
  await withChain(base.path, base.format, async (layers) => {
    if (!layers.some(({ disk }) => disk.identity === identity)) return;
    throw diskChainInvalid(path, `${quoted(base.path)} is made over it: a loop`, { details: { file: base.path } });
  });
}
