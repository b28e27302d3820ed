import type { DiskCheck } from '@boxlite/core';
import { examineDisk } from './check-disk.js';
import { closeDiskFile, openDiskFile, requireAbsolutePath } from './disk-file.js';
import { readHeader } from './read-chain.js';
import { MAX_KEPT_COUNT } from './reference-counts.js';
import { MetadataClusters } from './writable/metadata-clusters.js';
import { Refcounts } from './writable/refcounts.js';
import { WritableFile } from './writable/writable-file.js';

/**
 * Frees leaked clusters: lowers counts to the references there are. A disk with errors is left as it is, because then nobody knows what
 * the references are. The disk must not be in use.
 * @returns what is left: no leaks, or the errors
 * @throws BoxliteError as `checkDisk` does, `storage_error`
 */
export async function repairDisk(path: string): Promise<DiskCheck> {
  requireAbsolutePath(path, 'path');
  const disk = openDiskFile(path, 'write');
  try {
    const header = await readHeader(disk);
    const { errors, leakedClusters, stored, counted } = await examineDisk(disk, header);
    if (errors.length > 0 || leakedClusters === 0) return { errors, leakedClusters };
    const file = new WritableFile(disk);
    const table = Buffer.alloc(header.refcountTableClusters * 2 ** header.clusterBits);
    await file.read(header.refcountTableOffset, table);
    const refcounts = new Refcounts(file, header, table, new MetadataClusters(2 ** header.clusterBits));
    for (let cluster = 0; cluster < stored.clusters; cluster++) {
      const count = counted.get(cluster);
      if (stored.get(cluster) > count && count < MAX_KEPT_COUNT) await refcounts.set(cluster, count);
    }
    await refcounts.write();
    await file.sync();
    const after = await examineDisk(disk, header);
    return { errors: after.errors, leakedClusters: after.leakedClusters };
  } finally {
    closeDiskFile(disk);
  }
}
