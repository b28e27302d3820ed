import { describe, expect, it } from 'vitest';
import { retryBusy } from './retry-busy.js';

const busy = Object.assign(new Error('database is locked'), { code: 'SQLITE_BUSY' });

/** A clock that only sleeping moves. */
function clock(): { now: () => number; sleep: (ms: number) => Promise<void>; sleeps: number[] } {
  let time = 0;
  const sleeps: number[] = [];
  const sleep = async (ms: number): Promise<void> => {
    sleeps.push(ms);
    time += ms;
  };
  return { now: () => time, sleep, sleeps };
}

function failing(times: number, error: Error = busy): () => string {
  let left = times;
  return () => {
    if (left > 0) {
      left -= 1;
      throw error;
    }
    return 'done';
  };
}

describe('retrying a busy database', () => {
  it('gives the result of the first try that is not busy', async () => {
    const { now, sleep, sleeps } = clock();
    expect(await retryBusy(failing(3), { boundMs: 1000, now, sleep })).toBe('done');
    expect(sleeps).toHaveLength(3);
  });

  it('waits longer each time, up to a tenth of a second, never all the same', async () => {
    const { now, sleep, sleeps } = clock();
    await retryBusy(failing(12), { boundMs: 10_000, now, sleep, random: () => 1 });
    expect(sleeps.slice(0, 4)).toEqual([2, 4, 8, 16]);
    expect(Math.max(...sleeps)).toBe(100);
    const jittered = clock();
    await retryBusy(failing(1), { boundMs: 10_000, ...jittered, random: () => 0 });
    expect(jittered.sleeps).toEqual([1]);
  });

  it('gives up with the last failure when the time is over', async () => {
    const { now, sleep } = clock();
    await expect(retryBusy(failing(Number.POSITIVE_INFINITY), { boundMs: 500, now, sleep })).rejects.toBe(busy);
    expect(now()).toBeGreaterThanOrEqual(500);
    expect(now()).toBeLessThan(700);
  });

  it('does not retry another failure', async () => {
    const other = Object.assign(new Error('no'), { code: 'SQLITE_CORRUPT' });
    const { now, sleep, sleeps } = clock();
    await expect(retryBusy(failing(1, other), { boundMs: 500, now, sleep })).rejects.toBe(other);
    expect(sleeps).toEqual([]);
  });

  it('ends at once when it is aborted', async () => {
    const controller = new AbortController();
    const waiting = retryBusy(failing(Number.POSITIVE_INFINITY), { boundMs: 60_000, signal: controller.signal });
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
  });
});
