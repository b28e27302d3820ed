import { rm } from 'node:fs/promises';
import type { BoxRecord } from '@boxlite/core';
import { type BoxLayout, installFile, stage } from '@boxlite/layout';
import { containerDiskOf, containerDiskPath } from '../init/container-disk.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';

/**
 * Gives a box that is being put back to a snapshot the disk of then, at one blow. Interrupted, it is done again by whoever starts the box next. The caller
 * holds the box's lease, and nothing of the box runs.
 */
export async function applyNextDisk(services: RuntimeServices, record: BoxRecord, box: BoxLayout): Promise<BoxRecord> {
  const { nextDisk } = record.state;
  if (nextDisk === undefined) return record;
  const { store, format, base } = nextDisk;
  const path = containerDiskPath(format, box);
  const area = await stage(services.layout.tmpDir);
  try {
    await box.prepare();
    const staged = area.path(`disk.${format}`);
    await (await services.disks(store)).createChild(staged, { path: base, format });
    await installFile(staged, path);
  } finally {
    await area.remove();
  }
  const earlier = containerDiskOf(record.state, box).path;
  if (earlier !== path) await rm(earlier, { force: true });
  const state = await services.store.boxes.update(record.config.id, ({ nextDisk: _done, ...current }) => ({
    ...current,
    disk: { store, format, ...(format === 'raw' ? {} : { base }) },
  }));
  return { ...record, state };
}
