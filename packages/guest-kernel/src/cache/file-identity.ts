import type { BigIntStats } from 'node:fs';
import { lstat, stat } from 'node:fs/promises';
import { errnoOf } from '@boxlite/core';

/**
 * Tells a file apart from a changed or replaced one without reading it. The change time is part of it because, unlike the
 * modification time (npm sets 1985 on every file), no program can set it.
 */
export type FileIdentity = string;

/** @param stats of the open file or of the path, taken with `bigint: true` */
export function fileIdentity(stats: BigIntStats): FileIdentity {
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}

/** Of a regular file; undefined when there is none. */
export async function identityOfFile(path: string): Promise<FileIdentity | undefined> {
  try {
    const stats = await stat(path, { bigint: true });
    return stats.isFile() ? fileIdentity(stats) : undefined;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** Of whatever has this name, a link itself rather than its target; undefined when there is nothing. */
export async function identityOfEntry(path: string): Promise<FileIdentity | undefined> {
  try {
    return fileIdentity(await lstat(path, { bigint: true }));
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(errnoOf(thrown) ?? '')) return undefined;
    throw thrown;
  }
}
