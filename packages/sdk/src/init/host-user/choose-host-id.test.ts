import { describe, expect, it } from 'vitest';
import { chooseHostId, HOST_IDS, isTaken } from './choose-host-id.js';

const within = { first: 100, last: 109 };
const taken = (ids: readonly number[], ranges: readonly (readonly [number, number])[] = []) => ({
  ids: new Set(ids),
  ranges: ranges.map(([first, last]) => ({ first, last })),
});

describe('the host id of a box', () => {
  it('is where the search starts, when nobody has it', () => {
    expect(chooseHostId(taken([]), 104, within)).toBe(104);
  });

  it('is the next one that is nobody’s: no user, no group, no range of somebody’s containers', () => {
    expect(chooseHostId(taken([104, 105], [[106, 107]]), 104, within)).toBe(108);
  });

  it('is looked for from the beginning behind the end', () => {
    expect(chooseHostId(taken([108, 109, 100]), 108, within)).toBe(101);
  });

  it('is refused when all are taken, naming the range', () => {
    const run = () => chooseHostId(taken([], [[0, 4_000_000_000]]), 104, within);
    expect(run).toThrow(
      expect.objectContaining({ code: 'resource_exhausted', message: expect.stringContaining('109') }),
    );
  });

  it('lies where neither systemd nor a directory service gives ids, and below 2^31', () => {
    expect(HOST_IDS.first).toBeGreaterThan(2_000_200_000);
    expect(HOST_IDS.last).toBeLessThan(2 ** 31);
    expect(isTaken(HOST_IDS.first, taken([HOST_IDS.first]))).toBe(true);
    expect(isTaken(HOST_IDS.first, taken([], [[HOST_IDS.first - 5, HOST_IDS.first]]))).toBe(true);
    expect(isTaken(HOST_IDS.first, taken([HOST_IDS.first + 1], [[5, 6]]))).toBe(false);
  });
});
