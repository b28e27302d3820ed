import type { BoxStateRecord } from '@boxlite/core';
import type { BoxLayout } from '@boxlite/layout';

/** The disk of a box's container, and who goes on with it. */
export interface ContainerDisk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  /** Id of the disk store. */
  readonly store: string;
  /** What it was made over, as recorded then. */
  readonly base?: string;
}

/** Of a box from before its disk was recorded. */
const FIRST_DISK = { store: 'qcow2', format: 'qcow2' } as const;

/** As the box's record says. */
export function containerDiskOf(
  state: Pick<BoxStateRecord, 'disk'>,
  box: Pick<BoxLayout, 'containerDisk' | 'rawContainerDisk'>,
): ContainerDisk {
  const disk: NonNullable<BoxStateRecord['disk']> = state.disk ?? FIRST_DISK;
  return { ...disk, path: containerDiskPath(disk.format, box) };
}

/** Each format has its own name: nobody reads a guest's raw disk as an overlay. */
export function containerDiskPath(
  format: 'raw' | 'qcow2',
  { containerDisk, rawContainerDisk }: Pick<BoxLayout, 'containerDisk' | 'rawContainerDisk'>,
): string {
  return format === 'raw' ? rawContainerDisk : containerDisk;
}
