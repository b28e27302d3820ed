import { chmod, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BASE62, errnoOf, type LeaseHolder, toBoxliteError } from '@boxlite/core';
import { customAlphabet } from 'nanoid';
import { currentBootId, currentHolder } from './boot-id.js';
import { PRIVATE_DIRECTORY_MODE } from './private-directory.js';
import { isAlive } from './process-identity.js';
import { removeTree } from './remove-tree.js';

const NAME = /^(\d{1,10})-(\d{1,16})-([0-9a-f]{8})-[0-9A-Za-z]{8}$/;
/** Characters of the boot id in a name; it tells boots apart, it is no secret. */
const BOOT_PREFIX = 8;
const randomName = customAlphabet(BASE62, 8);

/** A private directory to build something in before it is installed. */
export interface StagingArea extends AsyncDisposable {
  readonly dir: string;
  /** Path of a file in it. */
  path(name: string): string;
  /** Removes it with all it holds; idempotent. */
  remove(): Promise<void>;
}

/**
 * Makes `tmp/<pid>-<starttime>-<boot8>-<rand>/`, mode 0700. It is swept only when its holder is gone.
 * @param tmpDir the home's `tmp/`
 * @param holder who builds; default this process
 * @throws BoxliteError `storage_error`, `disk_full`
 */
export async function stage(tmpDir: string, holder: LeaseHolder = currentHolder()): Promise<StagingArea> {
  const dir = join(tmpDir, stagingName(holder));
  try {
    await mkdir(dir, { mode: PRIVATE_DIRECTORY_MODE });
    await chmod(dir, PRIVATE_DIRECTORY_MODE);
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `cannot make the staging directory ${dir}`);
  }
  const remove = () => removeTree(dir);
  return { dir, path: (name) => join(dir, name), remove, [Symbol.asyncDispose]: remove };
}

/** `<pid>-<starttime>-<boot8>-<rand>`: what {@link sweepStaging} knows the holder by. For files that are staged by other means than {@link stage}. */
export function stagingName(holder: LeaseHolder = currentHolder()): string {
  const { pid, startTime, bootId } = holder;
  return `${pid}-${startTime}-${bootId.slice(0, BOOT_PREFIX)}-${randomName()}`;
}

/** What {@link sweepStaging} compares holders with. */
export interface SweepOptions {
  readonly bootId?: string;
  readonly isAlive?: (identity: { readonly pid: number; readonly startTime: number }) => boolean;
}

/**
 * Removes the staging directories and files whose holder is gone. Names that are not of staging are left alone.
 * @param tmpDir the home's `tmp/`; a missing one is fine
 * @returns the names removed
 */
export async function sweepStaging(tmpDir: string, options: SweepOptions = {}): Promise<readonly string[]> {
  const bootId = options.bootId ?? currentBootId();
  const alive = options.isAlive ?? isAlive;
  const removed: string[] = [];
  for (const name of await listNames(tmpDir)) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const [, pid, startTime, boot] = match;
    const sameBoot = boot === bootId.slice(0, BOOT_PREFIX);
    if (sameBoot && alive({ pid: Number(pid), startTime: Number(startTime) })) continue;
    await removeTree(join(tmpDir, name));
    removed.push(name);
  }
  return removed;
}

async function listNames(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw toBoxliteError(thrown, 'storage_error', `cannot read ${directory}`);
  }
}
