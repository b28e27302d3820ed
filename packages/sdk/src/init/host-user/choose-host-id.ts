import { BoxliteError } from '@boxlite/core';

/** Ids that belong to somebody: single ones, and ranges from `first` to `last`. */
export interface TakenIds {
  readonly ids: ReadonlySet<number>;
  readonly ranges: readonly IdRange[];
}

export interface IdRange {
  readonly first: number;
  readonly last: number;
}

/**
 * Where the users of boxes are looked for. The table of systemd (docs/UIDS-GIDS.md) leaves 1 879 048 192 to 2 147 352 575 to nobody; sssd hands out ids up
 * to 2 000 200 000 (`ldap_idmap_range_max`); from 2^31 on some programs take them for negative.
 */
export const HOST_IDS: IdRange = { first: 2_010_000_000, last: 2_109_999_999 };

/** True for an id no box may have. */
export function isTaken(id: number, { ids, ranges }: TakenIds): boolean {
  return ids.has(id) || ranges.some(({ first, last }) => first <= id && id <= last);
}

/**
 * The first free id from `start` on, round the end of the range. A pure function: the start is drawn at random, so that two homes of one host, which know
 * nothing of each other, do not meet.
 * @throws BoxliteError `resource_exhausted` when every id of the range is taken
 */
export function chooseHostId(taken: TakenIds, start: number, within: IdRange = HOST_IDS): number {
  const found = firstFree(taken, start, within.last) ?? firstFree(taken, within.first, start - 1);
  if (found !== undefined) return found;
  throw new BoxliteError('resource_exhausted', `every user id from ${within.first} to ${within.last} is taken`, {
    hint: 'see /etc/subuid and /etc/subgid for a range that covers them, and make it smaller',
    details: { field: 'hostUid', ...within },
  });
}

function firstFree({ ids, ranges }: TakenIds, from: number, last: number): number | undefined {
  for (let id = from; id <= last; ) {
    const range = ranges.find((candidate) => candidate.first <= id && id <= candidate.last);
    if (range === undefined && !ids.has(id)) return id;
    id = (range?.last ?? id) + 1;
  }
  return undefined;
}
