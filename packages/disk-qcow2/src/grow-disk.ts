import { BoxliteError, toBoxliteError } from '@boxlite/core';
import { requireVirtualSize } from './create-child.js';
import type { DiskContext } from './disk-context.js';
import { quoted } from './disk-errors.js';
import { closeDiskFile, openDiskFile, syncData, writeAt } from './disk-file.js';
import { HeaderField } from './format.js';
import { l1EntriesFor, l2CoverageBytes, type Qcow2Header } from './header.js';
import { type OpenLayer, withChain } from './read-chain.js';

/**
 * Makes the disk larger in place: first the new L1 entries (zeros, in what is left of the L1 table's last cluster), then, durable
 * on its own, the header's size. Interrupted between the two, the disk is as it was.
 * @param virtualSize bytes; the present size does nothing
 * @throws BoxliteError `invalid_argument` (field `virtualSize`), `unsupported` (the L1 table would have to move: disks made here grow
 * to 4 TiB), `invalid_state` (the disk is marked dirty), `disk_invalid`, `disk_chain_invalid`, `storage_error`
 */
export async function growDisk(path: string, virtualSize: number, { guard }: DiskContext): Promise<void> {
  await withChain(
    path,
    'qcow2',
    async (layers) => {
      const [top, backing] = layers;
      if (top?.header === undefined) return;
      requireVirtualSize(virtualSize, top.virtualSize, `disk ${quoted(path)}`);
      if (virtualSize === top.virtualSize) return;
      requireGrowable(top, top.header, backing, virtualSize);
      await writeGrown(top, top.header, virtualSize);
    },
    { guard },
  );
}

function requireGrowable(
  top: OpenLayer,
  header: Qcow2Header,
  backing: OpenLayer | undefined,
  virtualSize: number,
): void {
  const what = `disk ${quoted(top.path)} cannot grow`;
  if (header.dirty) {
    throw new BoxliteError('invalid_state', `${what}: it is marked dirty, its last user did not close it`, {
      hint: 'repair it with `qemu-img check -r all`',
      details: { path: top.path },
    });
  }
  if (header.version === 2 || header.snapshotCount > 0) {
    const why = header.version === 2 ? 'it is of version 2, which is only read' : 'it has internal snapshots';
    throw new BoxliteError('unsupported', `${what}: ${why}`, {
      hint: 'flatten it into a standalone disk and grow that',
      details: { path: top.path, field: header.version === 2 ? 'version' : 'nb_snapshots' },
    });
  }
  if (backing !== undefined && backing.virtualSize > top.virtualSize) {
    throw new BoxliteError('unsupported', `${what}: its backing file is larger, old data would appear`, {
      hint: 'flatten it into a standalone disk and grow that',
      details: { path: top.path },
    });
  }
  if (l1EntriesFor(virtualSize, header.clusterBits) > l1Capacity(header)) {
    const most = l1Capacity(header) * l2CoverageBytes(header.clusterBits);
    throw new BoxliteError('unsupported', `${what} to ${virtualSize} bytes: its tables hold ${most} at most`, {
      hint: `ask for at most ${most} bytes, or make a new disk of the size needed`,
      details: { path: top.path, field: 'virtualSize', most },
    });
  }
}

/** Entries the L1 table can have without another cluster. */
function l1Capacity(header: Qcow2Header): number {
  const perCluster = 2 ** header.clusterBits / 8;
  return Math.ceil(header.l1Size / perCluster) * perCluster;
}

async function writeGrown(top: OpenLayer, header: Qcow2Header, virtualSize: number): Promise<void> {
  const l1Size = Math.max(header.l1Size, l1EntriesFor(virtualSize, header.clusterBits));
  const disk = openDiskFile(top.path, 'write');
  try {
    if (disk.identity !== top.disk.identity) {
      throw new BoxliteError('invalid_state', `disk ${quoted(top.path)} was replaced while it was to grow`, {
        hint: 'try again',
        details: { path: top.path },
      });
    }
    if (header.autoclearFeatures !== 0n) {
      // The specification's rule for whoever writes a disk and does not know these features.
      await writeAt(disk.fd, HeaderField.autoclearFeatures, Buffer.alloc(8));
    }
    if (l1Size > header.l1Size) {
      await writeAt(disk.fd, header.l1TableOffset + header.l1Size * 8, Buffer.alloc((l1Size - header.l1Size) * 8));
      await syncData(disk.fd);
    }
    // size, crypt_method and l1_size are neighbours in the first sector: one write changes both or none.
    const fields = Buffer.alloc(HeaderField.l1TableOffset - HeaderField.size);
    fields.writeBigUInt64BE(BigInt(virtualSize), 0);
    fields.writeUInt32BE(l1Size, HeaderField.l1Size - HeaderField.size);
    await writeAt(disk.fd, HeaderField.size, fields);
    await syncData(disk.fd);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `disk ${quoted(top.path)} cannot grow`);
  } finally {
    closeDiskFile(disk);
  }
}
