import { type BoxId, type BoxRecord, type BoxStateRecord, parseBoxId, type StateStore } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { boxHostUser, type HostIdSources } from './box-host-user.js';
import { HOST_IDS } from './choose-host-id.js';

const [A, B] = [parseBoxId('a'), parseBoxId('b')];

/** Records of boxes as a store keeps them. */
function storeOf(states: Readonly<Record<string, number | undefined>>) {
  const records = new Map<BoxId, BoxStateRecord>(
    Object.entries(states).map(([id, hostUid]) => [
      parseBoxId(id),
      { status: 'stopped', updatedAt: 0, ...(hostUid === undefined ? {} : { hostUid }) },
    ]),
  );
  const boxes = {
    list: async () => [...records].map(([id, state]) => ({ config: { id }, state }) as BoxRecord),
    update: async (id: BoxId, change: (state: BoxStateRecord) => BoxStateRecord) => {
      const state = change(records.get(id) as BoxStateRecord);
      records.set(id, state);
      return state;
    },
  };
  return { store: { boxes } as unknown as StateStore, records };
}

const free = { ids: new Set<number>(), ranges: [] };
const sources = (parts: Partial<HostIdSources> = {}): HostIdSources => ({
  taken: () => free,
  running: () => new Set(),
  draw: () => HOST_IDS.first + 5,
  ...parts,
});
const user = (id: number) => ({ uid: id, gid: id });

describe('the host user of a box that root starts', () => {
  it('is recorded before it is used, and the same at a later start', async () => {
    const { store, records } = storeOf({ a: undefined });
    expect(await boxHostUser(store, A, sources())).toEqual(user(HOST_IDS.first + 5));
    expect(records.get(A)?.hostUid).toBe(HOST_IDS.first + 5);
    expect(await boxHostUser(store, A, sources({ draw: () => HOST_IDS.first }))).toEqual(user(HOST_IDS.first + 5));
  });

  it('is no other box’s and no running process’s', async () => {
    const { store } = storeOf({ a: undefined, b: HOST_IDS.first + 5 });
    const running = () => new Set([HOST_IDS.first + 6]);
    expect(await boxHostUser(store, A, sources({ running }))).toEqual(user(HOST_IDS.first + 7));
  });

  it('is another one when somebody of the host got it meanwhile', async () => {
    const { store } = storeOf({ a: HOST_IDS.first + 1 });
    const taken = () => ({ ...free, ids: new Set([HOST_IDS.first + 1]) });
    expect(await boxHostUser(store, A, sources({ taken }))).toEqual(user(HOST_IDS.first + 5));
  });

  it('differs for two boxes that draw the same number at the same time', async () => {
    const { store } = storeOf({ a: undefined, b: undefined });
    // The first draw is the same, later ones are not.
    const drawing = (later: number) => {
      let draws = 0;
      return () => HOST_IDS.first + (draws++ === 0 ? 0 : later);
    };
    const [one, other] = await Promise.all([
      boxHostUser(store, A, sources({ draw: drawing(1) })),
      boxHostUser(store, B, sources({ draw: drawing(2) })),
    ]);
    expect(one.uid).not.toBe(other.uid);
  });
});
