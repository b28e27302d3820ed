import { describe, expect, it } from 'vitest';
import { ensureGuestKernel } from './guest-kernel.mjs';

function ensure(hasPackages: boolean, status: number | null) {
  const lines: string[] = [];
  const programs: string[] = [];
  const done = ensureGuestKernel('/checkout', {
    say: (line) => lines.push(line),
    hasSource: () => true,
    ensurePackages: () => hasPackages,
    run: (program) => {
      programs.push(program);
      return { status };
    },
  });
  return { done, lines, programs };
}

describe('the set-up of the tests', () => {
  it('builds the guest kernel, which takes no time when the cache has it', () => {
    expect(ensure(true, 0)).toEqual({
      done: true,
      lines: [],
      programs: ['/checkout/packages/guest-kernel/kernel/build-kernel.mjs'],
    });
  });

  it('goes on with another kernel, and says so, where there is nothing to build one with', () => {
    for (const { done, lines } of [ensure(false, 0), ensure(true, 3)]) {
      expect(done).toBe(true);
      expect(lines.join()).toContain('libkrunfw');
    }
    expect(ensure(false, 0).programs).toEqual([]);
  });

  it.each([
    [
      'says so where no source is to be had (Debian 13) and no kernel is in the cache',
      false,
      [expect.stringContaining('libkrunfw')],
    ],
    ['says nothing of a source that is not to be had where a kernel is in the cache', true, []],
  ])('%s, and installs nothing', (_, isCached, said) => {
    const lines: string[] = [];
    const never = () => {
      throw new TypeError('not to be called');
    };
    const options = { hasSource: () => false, isCached: () => isCached, ensurePackages: never, run: never };
    expect(ensureGuestKernel('/checkout', { say: (line) => lines.push(line), ...options })).toBe(true);
    expect(lines).toEqual(said);
  });

  it('fails when the build does', () => {
    expect(ensure(true, 1)).toMatchObject({ done: false, lines: [expect.stringContaining('ended with 1')] });
  });
});
