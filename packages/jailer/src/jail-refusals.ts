import { constants, readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { BoxliteError, errnoOf, type Sandbox } from '@boxlite/core';
import type { StageBLocation } from './find-stage-b.js';

/** The actions a filter can answer with, one line (seccomp(2)); on kernels since 4.14. */
const SECCOMP_ACTIONS_FILE = '/proc/sys/kernel/seccomp/actions_avail';
const NEEDED_ACTIONS = ['kill_process', 'errno'];

/** Why the sandbox cannot be had, or undefined. */
export async function sandboxRefusal(sandbox: Sandbox, id: string): Promise<BoxliteError | undefined> {
  const { available, reason, remedy } = await sandbox.isAvailable();
  if (available) return undefined;
  return new BoxliteError(
    'sandbox_unavailable',
    `the sandbox ${sandbox.name} cannot confine box ${id}: ${reason ?? 'it is not available'}`,
    { ...(remedy === undefined ? {} : { hint: remedy }), details: { sandbox: sandbox.name } },
  );
}

/** Why the helper inside the view cannot be had, or undefined. */
export async function stageBRefusal(stageB: StageBLocation | undefined): Promise<BoxliteError | undefined> {
  if (stageB?.failure !== undefined || stageB === undefined) return stageB?.failure;
  const { path } = stageB;
  try {
    await access(path, constants.X_OK);
    return undefined;
  } catch (thrown) {
    return new BoxliteError('sandbox_unavailable', `the stage B helper ${path} cannot be run (${errnoOf(thrown)})`, {
      hint: 'make it executable, or install again: npm install --include=optional',
      cause: thrown,
      details: { field: 'stageB', path },
    });
  }
}

/**
 * Why no system calls can be filtered, or undefined.
 * @param readText text of a file of /proc, undefined where there is none
 */
export function seccompRefusal(readText = readProc): BoxliteError | undefined {
  const actions = readText(SECCOMP_ACTIONS_FILE);
  const available = actions?.trim().split(/\s+/) ?? [];
  const missing = NEEDED_ACTIONS.filter((action) => !available.includes(action));
  if (missing.length === 0) return undefined;
  // Some containers hide /proc/sys; who has a state of filtering has filters.
  if (actions === undefined && /^Seccomp:/m.test(readText('/proc/self/status') ?? '')) return undefined;
  return new BoxliteError(
    'sandbox_unavailable',
    `this kernel cannot filter system calls: ${SECCOMP_ACTIONS_FILE} names no ${missing.join(' and no ')}`,
    {
      hint: "boot Linux 4.14 or newer with CONFIG_SECCOMP_FILTER, or do without the filter: security.seccomp 'off'",
      details: { field: 'seccomp' },
    },
  );
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Not on this kernel, or hidden from this process: what is asked for is not there.
    return undefined;
  }
}
