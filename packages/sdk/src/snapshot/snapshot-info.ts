import type { SnapshotRecord } from '@boxlite/core';
import * as z from 'zod';
import { boxName } from '../options/box-name.js';
import { parseOptions } from '../options/parse-options.js';

/** What a person or program is told about a snapshot. */
export interface SnapshotInfo {
  readonly id: string;
  readonly boxId: string;
  /** Unique within its box. */
  readonly name: string;
  /** True: it holds the memory, and what goes on from it goes on where the box stood. */
  readonly memory: boolean;
  /** RFC 3339. */
  readonly createdAt: string;
  /** Size of the disk as the guest sees it. */
  readonly containerDiskBytes: number;
  /** What memory, machine state and disk took on disk when it was made, blocks shared with others included. */
  readonly sizeBytes: number;
  /** Why nothing can go on from it here, null when a machine can; only where that was asked for, see {@link ListSnapshotsOptions}. */
  readonly problem?: string | null;
}

/**
 * How snapshots are listed.
 * - `verify`: reads each of them whole, to find what a restore, which only looks whether somebody has written to them, does not look for
 */
export interface ListSnapshotsOptions {
  readonly verify?: boolean;
  readonly signal?: AbortSignal;
}

export function snapshotInfo(record: SnapshotRecord): SnapshotInfo {
  const { id, boxId, name, createdAt, containerDiskBytes, sizeBytes, machine } = record;
  const isoDate = new Date(createdAt).toISOString();
  return { id, boxId, name, memory: machine !== undefined, createdAt: isoDate, containerDiskBytes, sizeBytes };
}

const schema = z.strictObject({
  name: boxName.optional(),
  memory: z.literal(true, 'must be true: only snapshots with the memory can be taken of a running box').default(true),
});

/**
 * How a snapshot is taken.
 * - `name`: unique within the box; default: the moment, as `2026-01-31T12-00-00.000Z`
 * - `memory`: true, the default and the only choice: the disk and what the machine has in memory
 */
export type SnapshotOptions = z.input<typeof schema> & { readonly signal?: AbortSignal };

/** @throws BoxliteError `invalid_argument` naming the field */
export function parseSnapshotOptions({ signal: _signal, ...options }: SnapshotOptions): { readonly name: string } {
  const { name } = parseOptions(schema, options, 'snapshot options');
  return { name: name ?? new Date().toISOString().replaceAll(':', '-') };
}
