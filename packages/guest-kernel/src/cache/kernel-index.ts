import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, errnoOf, isDigest } from '@boxlite/core';
import { installFile } from '@boxlite/layout';
import type { FileIdentity } from './file-identity.js';

const INDEX_FILE = 'index.json';
const MAX_INDEX_BYTES = 65_536;
const MAX_ENTRIES = 16;

/** What is known about a source that was turned into a kernel before. */
export interface KernelIndexEntry {
  /** Path, kind and pin of the source: the question. */
  readonly key: string;
  /** The source as it was then. */
  readonly source: FileIdentity;
  /** The cached kernel as it was then. */
  readonly cached: FileIdentity;
  readonly digest: Digest;
  readonly version: string;
  /** Processors it can use, where the source said so. */
  readonly maxVcpus?: number;
}

/**
 * Reads `kernels/index.json`. It only saves work: anything wrong with it means an empty index, never an error.
 */
export async function readKernelIndex(kernelsDirectory: string): Promise<readonly KernelIndexEntry[]> {
  const path = join(kernelsDirectory, INDEX_FILE);
  try {
    const { size } = await stat(path);
    if (size > MAX_INDEX_BYTES) return [];
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    return Array.isArray(parsed) ? parsed.filter(isEntry) : [];
  } catch (thrown) {
    // Missing (the first start), unreadable or not JSON: the kernel is made again and the index replaced.
    if (errnoOf(thrown) === undefined && !(thrown instanceof SyntaxError)) throw thrown;
    return [];
  }
}

/** Replaces the entry of the same key, newest first, at once for other processes (write aside, rename). */
export async function writeKernelIndex(
  kernelsDirectory: string,
  stagingPath: string,
  entry: KernelIndexEntry,
): Promise<void> {
  const others = (await readKernelIndex(kernelsDirectory)).filter(({ key }) => key !== entry.key);
  const text = JSON.stringify([entry, ...others].slice(0, MAX_ENTRIES), null, 1);
  await writeFile(stagingPath, text, { mode: 0o600 });
  await installFile(stagingPath, join(kernelsDirectory, INDEX_FILE));
}

function isEntry(value: unknown): value is KernelIndexEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { key, source, cached, digest, version, maxVcpus } = value as Record<keyof KernelIndexEntry, unknown>;
  const areTexts = [key, source, cached, version].every((text) => typeof text === 'string');
  const isCount =
    maxVcpus === undefined || (typeof maxVcpus === 'number' && Number.isInteger(maxVcpus) && maxVcpus > 0);
  return areTexts && isCount && typeof digest === 'string' && isDigest(digest);
}
