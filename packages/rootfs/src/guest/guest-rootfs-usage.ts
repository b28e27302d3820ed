import { stat } from 'node:fs/promises';
import { type BaseDiskId, type BaseDiskStore, type BoxId, errnoOf, toBoxliteError } from '@boxlite/core';
import { isKeyOfAgent } from './version-key.js';

/** One guest rootfs disk, and who refers to it. */
export interface GuestRootfsUsage {
  readonly id: BaseDiskId;
  /** Version key: image and agent. A disk without one is stale. */
  readonly name?: string;
  readonly path: string;
  readonly sizeBytes: number;
  /** On the host: what removing it frees; 0 when the file is missing. */
  readonly diskBytes: number;
  /** True when it has the current agent in it, so that garbage collection keeps it; false also when the agent is not known. */
  readonly isCurrent: boolean;
  readonly boxes: readonly BoxId[];
}

/** Unit of st_blocks, whatever the block size of the file system (stat(2)). */
const BYTES_PER_STAT_BLOCK = 512;

/** @param agentHash SHA-256 of the current agent; undefined when it is not known */
export async function guestRootfsUsage(
  baseDisks: BaseDiskStore,
  agentHash: string | undefined,
): Promise<readonly GuestRootfsUsage[]> {
  const records = await baseDisks.list('rootfs');
  return Promise.all(
    records.map(async ({ id, name, basePath, sizeBytes }) => ({
      id,
      ...(name === undefined ? {} : { name }),
      path: basePath,
      sizeBytes,
      diskBytes: await allocatedBytes(basePath),
      isCurrent: name !== undefined && agentHash !== undefined && isKeyOfAgent(name, agentHash),
      boxes: await baseDisks.referencedBy(id),
    })),
  );
}

async function allocatedBytes(path: string): Promise<number> {
  try {
    return (await stat(path)).blocks * BYTES_PER_STAT_BLOCK;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return 0;
    throw toBoxliteError(thrown, 'storage_error', `looking at the guest rootfs ${path}`);
  }
}
