import { type BoxRecord, type Digest, digestHex, isActive, isDigest } from '@boxlite/core';
import { boxLabel } from '../images/image-users.js';
import { FILE_SOURCE } from '../kernel/kept-kernel.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/** Who needs a kernel, by the name of its file in `kernels/`. */
export type KernelUsers = ReadonlyMap<string, readonly string[]>;

/**
 * The kernels that something stands on: machines that run, for they may be captured; memory that was captured, in snapshots and templates; boxes whose
 * kernel was a file, which may be gone. What other boxes booted last is nothing to keep: their next start asks its source again.
 */
export async function kernelsInUse({ store, templates }: RuntimeServices): Promise<KernelUsers> {
  const users = new Map<string, string[]>();
  const add = (digest: Digest, user: string): void => {
    const name = digestHex(digest);
    users.set(name, [...(users.get(name) ?? []), user]);
  };
  const boxes = await store.boxes.list();
  for (const box of boxes) {
    const { kernel } = box.state;
    if (kernel !== undefined && isBound(box)) add(kernel.digest, boxLabel(box));
    for (const { name, machine } of await store.snapshots.list(box.config.id)) {
      if (machine !== undefined) add(machine.kernel.digest, `snapshot ${name} of ${boxLabel(box)}`);
    }
  }
  for (const { key, record } of await templates.store.list()) {
    const digest = record?.parts.kernel;
    if (digest !== undefined && isDigest(digest)) add(digest, `template ${key.slice(0, 12)}`);
  }
  return users;
}

function isBound({ state }: BoxRecord): boolean {
  return isActive(state.status) || state.kernel?.source === FILE_SOURCE;
}
