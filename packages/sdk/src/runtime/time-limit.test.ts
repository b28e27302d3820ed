import { describe, expect, it } from 'vitest';
import { withinTime } from './time-limit.js';

const NEVER = new Promise<never>(() => undefined);
const AMPLE_MS = 60_000;

describe('waiting within a time', () => {
  it('gives what came, throws what was thrown, or says that time is over', async () => {
    expect(await withinTime(Promise.resolve('there'), AMPLE_MS)).toBe('there');
    await expect(withinTime(Promise.reject(new Error('broken')), AMPLE_MS)).rejects.toThrow('broken');
    expect(await withinTime(NEVER, 1)).toBe('timeout');
  });

  it('may be for ever: a time that no timer can hold is not over at once', async () => {
    const soon = new Promise((resolve) => setTimeout(() => resolve('there'), 5));
    expect(await withinTime(soon, Number.POSITIVE_INFINITY)).toBe('there');
    expect(await withinTime(Promise.resolve('there'), 2 ** 31)).toBe('there');
  });

  it('ends with "aborted", naming what was waited for', async () => {
    const aborter = new AbortController();
    const waiting = withinTime(NEVER, AMPLE_MS, aborter.signal, 'waiting for the guest');
    aborter.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted', message: 'waiting for the guest was aborted' });
    await expect(withinTime(NEVER, AMPLE_MS, AbortSignal.abort())).rejects.toMatchObject({ code: 'aborted' });
  });

  it('leaves no rejection unhandled that comes too late', async () => {
    let fail = (_error: Error): void => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    expect(await withinTime(late, 1)).toBe('timeout');
    fail(new Error('late'));
    await new Promise((resolve) => setImmediate(resolve)); // an unhandled rejection would end the test run
  });
});
