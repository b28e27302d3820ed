import { lstat } from 'node:fs/promises';
import {
  abortedError,
  BoxliteError,
  errnoOf,
  type SnapshotRecord,
  toBoxliteError,
  type VmmSnapshot,
} from '@boxlite/core';
import {
  checkSnapshotContent,
  describeSnapshotFiles,
  invalid,
  verifySnapshotContent,
} from '../template/snapshot-files.js';

/** What memory and state of a snapshot were when it was taken. */
export type CapturedFiles = NonNullable<SnapshotRecord['files']>;

/** How closely a snapshot is looked at. */
export interface LookOptions {
  /** Its memory is read whole, and not only looked at. Default false. */
  readonly whole?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads both files, which have the names they keep. @throws BoxliteError `storage_error`, `aborted` */
export async function describeKeptFiles(files: VmmSnapshot, signal?: AbortSignal): Promise<CapturedFiles> {
  try {
    return await describeSnapshotFiles(files, signal);
  } catch (thrown) {
    if (signal?.aborted === true) throw abortedError(signal, 'reading the snapshot');
    throw toBoxliteError(thrown, 'storage_error', 'reading the snapshot');
  }
}

/**
 * Finds out whether memory and state of a snapshot are what they were: at the price of a look as long as nobody has touched them, else by their content, so
 * that a home that was copied, or came back from a backup, keeps its snapshots.
 * @param expected what was recorded; undefined for a snapshot of a time when nothing was
 * @throws BoxliteError `snapshot_invalid` with the reason, `aborted`
 */
export async function checkKeptFiles(
  files: VmmSnapshot,
  expected: CapturedFiles | undefined,
  { whole = false, signal }: LookOptions = {},
): Promise<void> {
  if (expected === undefined) return;
  try {
    if (whole) await verifySnapshotContent(files, expected, signal);
    else checkSnapshotContent(files, expected);
  } catch (thrown) {
    if (signal?.aborted === true) throw abortedError(signal, 'reading the snapshot');
    if (!BoxliteError.isInstance(thrown)) {
      throw invalid(`its files cannot be read (${errnoOf(thrown) ?? String(thrown)})`, files.memory, thrown);
    }
    if (thrown.code !== 'snapshot_invalid' || !(await isSameContent(files, expected, signal))) throw thrown;
  }
}

/** Whatever number and times the files have. */
async function isSameContent(
  files: VmmSnapshot,
  { memory, state }: CapturedFiles,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    const { size } = await lstat(files.memory);
    if (size !== memory.bytes) return false;
    const found = await describeKeptFiles(files, signal);
    return found.memory.sha256 === memory.sha256 && found.state.sha256 === state.sha256;
  } catch (thrown) {
    const isAboutFiles = BoxliteError.isInstance(thrown) ? thrown.code !== 'aborted' : errnoOf(thrown) !== undefined;
    if (!isAboutFiles) throw thrown;
    return false; // The first look has said why.
  }
}
