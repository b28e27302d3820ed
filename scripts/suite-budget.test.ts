import { describe, expect, it } from 'vitest';
import { budgetReport, suiteSeconds } from './suite-budget.mjs';

describe('the budget of a suite', () => {
  it('adds up the files of a package or a folder, and says which is over', () => {
    const file = (name: string, seconds: number) => ({
      name: `/r/${name}`,
      startTime: 1000,
      endTime: 1000 + seconds * 1000,
    });
    const seconds = suiteSeconds(
      [file('packages/db/src/a.test.ts', 2), file('packages/db/test/b.test.ts', 3), file('test/e2e/c.test.ts', 9)],
      '/r',
    );
    expect(seconds).toEqual([
      ['test/e2e', 9],
      ['packages/db', 5],
    ]);
    expect(budgetReport(seconds, { default: 5, 'test/e2e': 8 })).toEqual([
      '  test/e2e                       9.0 s of 8 s  over budget',
      '  packages/db                    5.0 s of 5 s',
    ]);
  });
});
