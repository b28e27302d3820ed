import type { BoxRecord, VmmHandler } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';
import { containerDiskOf } from '../init/container-disk.js';
import { machineSpec } from '../init/machine-spec.js';
import { parseBoxOptions } from '../options/box-options.js';

/** A box, and what its machine runs. */
export interface KeyedMachine {
  readonly record: BoxRecord;
  readonly box: BoxLayout;
  /** Path of the kernel. */
  readonly kernel: string;
  readonly guestRootfs: string;
}

/** What a machine of this box must have in common with a capture to go on from it; undefined where the VMM goes on from none. */
export async function machineKey(
  vmm: Pick<VmmHandler, 'snapshotKey'>,
  { record, box, kernel, guestRootfs }: KeyedMachine,
): Promise<string | undefined> {
  const spec = await machineSpec({
    record,
    box,
    options: parseBoxOptions(record.config.options),
    kernel: { path: kernel },
    disk: containerDiskOf(record.state, box),
    guestRootfsPath: guestRootfs,
    // A box with shares is not captured.
    shares: [],
    services: { showsReadOnly: async () => false },
  });
  return vmm.snapshotKey?.(spec);
}
