import { BoxliteError, type LeaseStore, type ProcessIdentity } from '@boxlite/core';
import { lightTurnBeacon, waitForTurn } from './turn-beacon.js';

/** How long the lease is asked for again when its holder cannot tell us when it is done, milliseconds; then the holder is asked again. */
const ASK_AGAIN_MS = 5_000;

/** Held until it is disposed of, or until its process is gone. */
export type Turn = AsyncDisposable;

/**
 * Takes an exclusive lease however long others have it, without asking for it again and again: a process that has it keeps a socket on which the others
 * wait, so that they learn at once when its turn has ended or the process was killed. Who gets it next is anybody's; look first whether what you wanted
 * to do has been done meanwhile.
 *
 * @param entity at most 250 characters of ASCII; taken by this function only
 * @param purpose what is done in the turn, for those who ask who holds the lease
 * @throws BoxliteError `aborted`, and what the lease store throws
 *
 * @example
 * ```ts
 * await using turn = await takeTurn(leases, `build:${key}`, 'building a disk', signal);
 * if (!(await isBuilt(key))) await build(key);
 * ```
 */
export async function takeTurn(
  leases: LeaseStore,
  entity: string,
  purpose: string,
  signal?: AbortSignal,
): Promise<Turn> {
  for (let waitMs = 0; ; ) {
    const taken = await tryTurn(leases, entity, purpose, waitMs, signal);
    if (!('holder' in taken)) return taken;
    const waited = taken.holder !== undefined && (await waitForTurn(taken.holder, entity, signal));
    // Otherwise it has ended in the meantime, or its holder cannot be reached.
    waitMs = waited ? 0 : ASK_AGAIN_MS;
  }
}

async function tryTurn(
  leases: LeaseStore,
  entity: string,
  purpose: string,
  waitMs: number,
  signal: AbortSignal | undefined,
): Promise<Turn | { readonly holder: ProcessIdentity | undefined }> {
  const extinguish = await lightTurnBeacon(entity);
  try {
    const lease = await leases.acquire(entity, purpose, { waitMs, ...(signal === undefined ? {} : { signal }) });
    // In this order, so that who is woken finds the lease free.
    return { [Symbol.asyncDispose]: () => lease.release().finally(extinguish) };
  } catch (thrown) {
    extinguish();
    if (!BoxliteError.isInstance(thrown, 'lease_held')) throw thrown;
    return { holder: firstHolder(thrown.details.holders) };
  }
}

function firstHolder(holders: unknown): ProcessIdentity | undefined {
  const [first] = Array.isArray(holders) ? (holders as readonly Partial<ProcessIdentity>[]) : [];
  const { pid, startTime } = first ?? {};
  return pid === undefined || startTime === undefined ? undefined : { pid, startTime };
}
