import { randomInt } from 'node:crypto';
import type { BoxId, StateStore } from '@boxlite/core';
import { chooseHostId, HOST_IDS, isTaken, type TakenIds } from './choose-host-id.js';
import { readRunningIds, readTakenIds } from './read-taken-ids.js';

/** What is asked of the host; replaced in tests. */
export interface HostIdSources {
  /** Users, groups and ranges. */
  readonly taken: () => TakenIds;
  /** Ids of running processes. */
  readonly running: () => ReadonlySet<number>;
  /** A number from `first` to `last`. */
  readonly draw: (first: number, last: number) => number;
}

/** How long what runs here is remembered, in milliseconds: reading it takes as long as half the jail, and one of a hundred million ids is drawn. */
const RUNNING_TTL_MS = 60_000;

let lastRunning: { readonly at: number; readonly ids: ReadonlySet<number> } | undefined;

function recentlyRunning(): ReadonlySet<number> {
  const now = performance.now();
  if (lastRunning === undefined || now - lastRunning.at > RUNNING_TTL_MS)
    lastRunning = { at: now, ids: readRunningIds() };
  return lastRunning.ids;
}

const HOST: HostIdSources = {
  taken: () => readTakenIds(),
  running: recentlyRunning,
  draw: (first, last) => randomInt(first, last + 1),
};

/**
 * The user and group of the host that a box's VMM is when root starts it: the one the box had before, else one that nobody is. Recorded with the box before
 * it is used, and free again when the box is removed. No file belongs to it, so another one is taken when somebody else got it meanwhile.
 * @throws BoxliteError `resource_exhausted` when there is none left
 */
export async function boxHostUser(
  { boxes }: Pick<StateStore, 'boxes'>,
  id: BoxId,
  sources: HostIdSources = HOST,
): Promise<{ readonly uid: number; readonly gid: number }> {
  const taken = sources.taken();
  for (;;) {
    const records = await boxes.list();
    const own = records.find(({ config }) => config.id === id)?.state.hostUid;
    const others = records.filter(({ config }) => config.id !== id).flatMap(({ state }) => state.hostUid ?? []);
    // Looked at after it was recorded: of two starts that drew the same number, at least one sees the other.
    if (own !== undefined && !isTaken(own, taken) && !others.includes(own)) return { uid: own, gid: own };
    const ids = new Set([...taken.ids, ...sources.running(), ...others]);
    const hostUid = chooseHostId({ ...taken, ids }, sources.draw(HOST_IDS.first, HOST_IDS.last));
    // No file is that user's: after a power cut the box gets another one.
    await boxes.update(id, (state) => ({ ...state, hostUid }), { durable: false });
  }
}
