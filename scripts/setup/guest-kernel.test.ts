import { describe, expect, it } from 'vitest';
import { ensureGuestKernel } from './guest-kernel.mjs';

function ensure(hasPackages: boolean, status: number | null) {
  const lines: string[] = [];
  const programs: string[] = [];
  const done = ensureGuestKernel('/checkout', {
    say: (line) => lines.push(line),
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

  it('fails when the build does', () => {
    expect(ensure(true, 1)).toMatchObject({ done: false, lines: [expect.stringContaining('ended with 1')] });
  });
});
