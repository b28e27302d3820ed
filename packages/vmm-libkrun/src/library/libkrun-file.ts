import { createHash } from 'node:crypto';
import { type FileHandle, lstat, open, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '@boxlite/core';
import { type TrustedOwners, untrustedReason } from './file-trust.js';
import type { LibkrunCandidate } from './libkrun-candidates.js';
import type { LibkrunProblem } from './libkrun-problem.js';
import { LIBRARY_HEADER_BYTES, libraryFormatProblem } from './library-format.js';

/** libkrun is 5 MB; what is ten times that is something else. Bounds what is hashed. */
const MAX_LIBRARY_BYTES = 64 * 1024 * 1024;
const MAX_MANIFEST_BYTES = 65_536;

/**
 * Looks at a candidate's file without running anything of it: that it is there, that nobody else can change it, that it is a library for this
 * process, and, from npm, that it is the one that was pinned.
 * @returns its path with symbolic links resolved, or what is wrong
 */
export async function checkLibkrunFile(
  candidate: LibkrunCandidate,
  owners: TrustedOwners,
): Promise<{ readonly path: string } | LibkrunProblem> {
  try {
    const path = await realpath(candidate.path);
    const untrusted = await untrustedReason(path, owners);
    if (untrusted !== undefined) return untrusted;
    // Asked before it is opened: opening a named pipe would wait for its other end.
    if (!(await lstat(path)).isFile()) return { problem: 'is not a regular file' };
    const file = await open(path, 'r');
    try {
      return (await contentProblem(file, candidate)) ?? { path };
    } finally {
      await file.close();
    }
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    return { problem: errno === 'ENOENT' ? 'does not exist' : `cannot be read (${errno})` };
  }
}

async function contentProblem(file: FileHandle, { pin }: LibkrunCandidate): Promise<LibkrunProblem | undefined> {
  const { size } = await file.stat();
  if (size > MAX_LIBRARY_BYTES) return { problem: `is ${size} bytes, more than any libkrun has` };
  const header = Buffer.alloc(LIBRARY_HEADER_BYTES);
  const { bytesRead } = await file.read(header, 0, header.length, 0);
  const problem = libraryFormatProblem(header.subarray(0, bytesRead), process.platform, process.arch);
  if (problem !== undefined) return { problem };
  return pin === undefined ? undefined : pinProblem(file, pin);
}

async function pinProblem(
  file: FileHandle,
  pin: NonNullable<LibkrunCandidate['pin']>,
): Promise<LibkrunProblem | undefined> {
  const remedy = `install ${pin.packageName}@${pin.packageVersion} again`;
  const version = await packageVersion(pin.packageDirectory);
  if (version !== pin.packageVersion) {
    return { problem: `is of package version ${version}, pinned is ${pin.packageVersion}`, remedy };
  }
  // In one piece: 5 MB take 5 ms so, and three times as long as a stream.
  const actual = createHash('sha256')
    .update(await file.readFile())
    .digest('hex');
  if (actual === pin.sha256) return undefined;
  return { problem: `has sha256 ${actual}, pinned is ${pin.sha256}`, remedy };
}

async function packageVersion(directory: string): Promise<string> {
  const text = await readFile(join(directory, 'package.json'), 'utf8');
  if (text.length > MAX_MANIFEST_BYTES) return 'unknown';
  try {
    const { version } = (JSON.parse(text) ?? {}) as { version?: unknown };
    return typeof version === 'string' ? version : 'unknown';
  } catch {
    // Not JSON: a package without a version, which is not the pinned one.
    return 'unknown';
  }
}
