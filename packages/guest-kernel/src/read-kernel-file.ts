import { constants } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { BoxliteError, toBoxliteError } from '@boxlite/core';
import { type FileIdentity, fileIdentity } from './cache/file-identity.js';
import { kernelInvalid } from './kernel-invalid.js';

/** libkrunfw is 21 MB and a vmlinux without debug information some 60 MB; the file is held in memory once. */
export const MAX_KERNEL_FILE_BYTES = 128 * 1024 * 1024;
const MAX_MANIFEST_BYTES = 65_536;

/** An open kernel source. */
export interface KernelFile {
  readonly identity: FileIdentity;
  /** In bytes. */
  readonly size: number;
  /** The whole file. */
  read(): Promise<Uint8Array>;
}

/**
 * Opens a file that may hold a kernel, for the time of `use`.
 * @param maxBytes default {@link MAX_KERNEL_FILE_BYTES}
 * @throws BoxliteError `kernel_unavailable` when it cannot be read, is no regular file, or is larger
 */
export async function withKernelFile<Result>(
  path: string,
  use: (file: KernelFile) => Promise<Result>,
  maxBytes = MAX_KERNEL_FILE_BYTES,
): Promise<Result> {
  // A pipe of this name would keep us waiting for its other end.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((thrown: unknown) => {
    throw toBoxliteError(thrown, 'kernel_unavailable', 'the file cannot be opened');
  });
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw kernelInvalid('type', 'is not a regular file');
    if (stats.size > maxBytes) {
      const advice = maxBytes === MAX_KERNEL_FILE_BYTES ? ' (strip its debug information)' : '';
      throw kernelInvalid('size', `is ${stats.size} bytes, more than ${maxBytes}${advice}`);
    }
    return await use({
      identity: fileIdentity(stats),
      size: Number(stats.size),
      read: async () => {
        const bytes = Buffer.alloc(Number(stats.size));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
        if (bytesRead !== bytes.length) throw kernelInvalid('size', 'became shorter while it was read');
        return bytes;
      },
    });
  } finally {
    await handle.close();
  }
}

/**
 * The `version` of an npm package.
 * @param path its package.json
 * @throws BoxliteError `kernel_unavailable` when there is none
 */
export async function readPackageVersion(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > MAX_MANIFEST_BYTES) throw new BoxliteError('kernel_unavailable', 'its package.json is too large');
    const { version } = JSON.parse(text) as { version?: unknown };
    return typeof version === 'string' ? version : 'none';
  } catch (thrown) {
    throw toBoxliteError(thrown, 'kernel_unavailable', 'its package.json cannot be read');
  }
}
