import { describe, expect, it } from 'vitest';
import { ensureShareDaemon } from './share-daemon.mjs';

function ensure(isThere: boolean, isKnown: boolean) {
  const asked: string[] = [];
  const done = ensureShareDaemon({
    say: () => undefined,
    isThere,
    isKnown: () => isKnown,
    ensurePackages: (_, { missing = new Map() }) => {
      asked.push(...missing.keys());
      return false;
    },
  });
  return { done, asked };
}

describe('the program that shares directories', () => {
  it('is installed where no other package has brought it and there is one (Debian 13)', () => {
    expect(ensure(false, true)).toEqual({ done: false, asked: ['virtiofsd'] });
  });

  it('is left alone where it is, and where no package is known', () => {
    for (const [isThere, isKnown] of [
      [true, true],
      [true, false],
      [false, false],
    ] as const) {
      expect(ensure(isThere, isKnown)).toEqual({ done: true, asked: [] });
    }
  });
});
