import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, type ProcessIdentity } from '@boxlite/core';
import { isAlive } from '@boxlite/layout';

/** Node is told of the end of its own children only, so others are looked at. */
const LOOK_INTERVAL_MS = 10;
/** `boxlite-supervisor` as the kernel keeps it: 15 bytes (TASK_COMM_LEN, include/linux/sched.h). */
const SUPERVISOR_NAME = 'boxlite-supervi';

/** @returns true when all of them are gone within the time */
export async function awaitGone(identities: readonly ProcessIdentity[], milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (identities.some(isAlive)) {
    if (performance.now() >= deadline) return false;
    await delay(LOOK_INTERVAL_MS);
  }
  return true;
}

/**
 * Kills a supervisor, and with it its VMM. A record that names anything else than a supervisor is damaged or forged, and what it names is left
 * alone.
 * @returns false when it is no supervisor
 */
export async function killSupervisor(identity: ProcessIdentity): Promise<boolean> {
  try {
    const name = (await readFile(`/proc/${identity.pid}/comm`, 'utf8')).trimEnd();
    if (!isAlive(identity)) return true;
    if (name !== SUPERVISOR_NAME) return false;
    process.kill(identity.pid, 'SIGKILL');
  } catch (thrown) {
    if (!['ENOENT', 'ESRCH'].includes(errnoOf(thrown) ?? '')) throw thrown; // else it has just ended
  }
  return true;
}
