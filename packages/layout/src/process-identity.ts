import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { BoxliteError, errnoOf, type ProcessIdentity, toBoxliteError } from '@boxlite/core';
import { parseProcStat } from './parse-proc-stat.js';
import { parsePsStart } from './parse-ps-start.js';

/** Linux reports times to user space in these ticks on every architecture (USER_HZ, include/asm-generic/param.h). */
const TICKS_PER_SECOND = 100;

/**
 * Who a pid is now, or undefined when nobody runs under it. A zombie runs no more.
 * Synchronous: `/proc` answers from memory, and leases are checked inside a database transaction.
 */
export function processIdentity(
  pid: number,
  platform: NodeJS.Platform = process.platform,
): ProcessIdentity | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  return platform === 'darwin' ? identityFromPs(pid) : identityFromProc(pid);
}

/** True while exactly this process runs; a later one with the same number does not count. */
export function isAlive(identity: ProcessIdentity): boolean {
  return processIdentity(identity.pid)?.startTime === identity.startTime;
}

/** This process. @throws BoxliteError `internal` when the system does not say when it started */
export function selfIdentity(): ProcessIdentity {
  const identity = processIdentity(process.pid);
  if (identity === undefined) {
    throw new BoxliteError('internal', `the start time of this process (${process.pid}) cannot be read`, {
      hint: 'check that /proc is mounted',
    });
  }
  return identity;
}

/**
 * When a process started, milliseconds since the epoch, good to about 10 ms (Linux only; undefined elsewhere).
 * @param identity of this boot
 */
export function processStartedAtMs(identity: ProcessIdentity): number | undefined {
  if (process.platform === 'darwin') return identity.startTime;
  try {
    const uptimeSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    const ageSeconds = uptimeSeconds - identity.startTime / TICKS_PER_SECOND;
    return Number.isFinite(ageSeconds) ? Date.now() - ageSeconds * 1000 : undefined;
  } catch {
    return undefined; // no /proc: the age cannot be known
  }
}

function identityFromProc(pid: number): ProcessIdentity | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (thrown) {
    // ESRCH: it ended between open and read.
    if (['ENOENT', 'ESRCH'].includes(errnoOf(thrown) ?? '')) return undefined;
    throw toBoxliteError(thrown, 'internal', `cannot read the identity of process ${pid}`);
  }
  const stat = parseProcStat(text);
  if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined;
  return { pid, startTime: stat.startTime };
}

function identityFromPs(pid: number): ProcessIdentity | undefined {
  try {
    const text = execFileSync('/bin/ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const startTime = parsePsStart(text);
    return startTime === undefined ? undefined : { pid, startTime };
  } catch {
    return undefined; // ps exits 1 when there is no such process
  }
}
