import { BoxliteError, type BoxRecord } from '@boxlite/core';
import { type BoxLayout, stage } from '@boxlite/layout';
import type { Box } from '../box/box.js';
import type { LiveBox } from '../box/live-box.js';
import { withBoxLease } from '../box/with-box-lease.js';
import { containerDiskOf } from '../init/container-disk.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { captureBox } from './capture-box.js';
import type { ParsedForkOptions } from './fork-options.js';
import { makeChildren } from './make-children.js';

/** A running box, looked at again under its lease, and what is to go on from it. */
export interface ForkRequest extends ParsedForkOptions {
  readonly box: BoxLayout;
  /** The record and the connection of now. @throws BoxliteError `invalid_state` when it does not run */
  readonly look: () => Promise<{ readonly record: BoxRecord; readonly live: LiveBox }>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes boxes that go on where a running one stands: one capture, and for each a machine that maps its memory and a child of its disk, both copy-on-write.
 * The memory file goes when all run; what they have mapped of it stays theirs.
 * @throws BoxliteError `already_exists` for a name that is taken, and what `captureBox` and `makeChildren` throw; none of the boxes is left then
 */
export async function forkBox(services: RuntimeServices, request: ForkRequest): Promise<readonly Box[]> {
  const { box, names, detach, autoRemove, signal } = request;
  await checkNames(services, names);
  const area = await stage(services.layout.tmpDir);
  try {
    const { record, captured } = await withBoxLease(services, box.id, 'fork', signal, async () => {
      const { record, live } = await request.look();
      return { record, captured: await captureBox(services, { record, box, live, area, signal }, 'fork') };
    });
    const { files, machine, disk } = captured;
    try {
      return await makeChildren(services, {
        parent: record,
        ...{ names, detach, autoRemove, signal },
        base: {
          path: disk.path,
          format: disk.format,
          store: containerDiskOf(record.state, box).store,
          chain: disk.chain,
        },
        resume: {
          origin: 'fork',
          files,
          vmmId: machine.vmmId,
          kernel: machine.kernel,
          guestRootfs: machine.guestRootfs,
        },
        about: { reason: 'fork', parent: box.id, snapshot: null },
      });
    } finally {
      await disk.release();
    }
  } finally {
    await area.remove();
  }
}

/** Before anything is captured: who loses the race for a name later hears of it then. */
async function checkNames({ store }: RuntimeServices, names: ParsedForkOptions['names']): Promise<void> {
  const taken = new Set((await store.boxes.list()).map(({ config }) => config.name));
  for (const name of names) {
    if (name === undefined || !taken.has(name)) continue;
    throw new BoxliteError('already_exists', `a box with the name ${JSON.stringify(name)} exists already`, {
      hint: 'choose another name, or remove that box first',
      details: { field: 'name', value: name },
    });
  }
}
