import { isQemuSince } from '../host/qemu-version.js';
import type { QmpClient } from '../qmp/qmp-client.js';
import { invalid } from './check-snapshot.js';
import type { DiskShape, StateTrailer } from './state-trailer.js';

/**
 * Tells the guest of a machine that has been loaded and does not run yet of the disks that have another size than it knows.
 * `block_resize` is what makes a virtio disk do so; the size is the one it has.
 * @throws BoxliteError `snapshot_invalid` when it has another number of disks
 */
export async function resizeDisks(
  monitor: Pick<QmpClient, 'version' | 'execute'>,
  { disks: were }: Pick<StateTrailer, 'disks'>,
  disks: readonly DiskShape[],
): Promise<void> {
  if (disks.length !== were.length) throw invalid('disks', `it has ${were.length} disks, this machine ${disks.length}`);
  const others = [...disks.entries()].filter(
    ([index, { bytes, readOnly }]) => !readOnly && bytes !== were[index]?.bytes,
  );
  if (others.length === 0) return;
  // Since 10.0 a loaded machine has its disks only when it runs, or with this command, which is of the same version.
  if (isQemuSince(monitor.version, 10, 0)) await monitor.execute('blockdev-set-active', { active: true });
  for (const [index, { bytes }] of others) {
    await monitor.execute('block_resize', { 'node-name': `disk${index}`, size: bytes });
  }
}
