import { link, rename, rm } from 'node:fs/promises';
import { errnoOf, toBoxliteError } from '@boxlite/core';
import { stage } from '@boxlite/layout';
import { BOX_LEASE_PREFIX } from '../box/with-box-lease.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import type { KernelState } from './storage-snapshot.js';

/** What is done with boxes that needs no kernel's file. */
const WITHOUT_KERNEL: ReadonlySet<string> = new Set(['stop', 'remove', 'pause', 'recover']);

/**
 * Removes kernels while no machine is being made or captured: that may have found one of them and neither booted nor recorded it yet. One that begins
 * between the look and the removal is seen by a second look, and gets its file back.
 * @returns those that were removed
 * @throws BoxliteError `storage_error`
 */
export async function removeKernels(
  { store, layout }: Pick<RuntimeServices, 'store' | 'layout'>,
  kernels: readonly KernelState[],
): Promise<readonly KernelState[]> {
  const isStarting = async () =>
    (await store.leases.list(BOX_LEASE_PREFIX)).some(({ purpose }) => !WITHOUT_KERNEL.has(purpose));
  if (kernels.length === 0 || (await isStarting())) return [];
  const area = await stage(layout.tmpDir);
  try {
    const removed: KernelState[] = [];
    for (const kernel of kernels) {
      const path = layout.kernel(kernel.name);
      if (!(await putAside(path, area.path(kernel.name)))) continue;
      if (!(await isStarting())) removed.push(kernel);
      else await rename(area.path(kernel.name), path);
    }
    return removed;
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `removing kernels of ${layout.kernelsDir}`);
  } finally {
    await area.remove();
  }
}

/** @returns false when it is gone already */
async function putAside(path: string, aside: string): Promise<boolean> {
  try {
    await link(path, aside);
    await rm(path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw thrown;
  }
}
