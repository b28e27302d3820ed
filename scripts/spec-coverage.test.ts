import { describe, expect, it } from 'vitest';
import { checkCoverage, parseCoverage } from './spec-coverage.mjs';

const files: Record<string, string> = { 'a.test.ts': "it('makes every directory', ...)" };
const complete = ['| 2.01 | x | open: later |', '| 3.01 | x | open: later |', '| 4.01 | x | open: later |'];
const check = (...lines: string[]) =>
  checkCoverage(parseCoverage([...lines, ...complete].join('\n')), (file) => files[file]);

describe('the coverage table', () => {
  it('is accepted when every rule names a test that exists or is open with a reason', () => {
    expect(
      check('| 1.01 | rule | `a.test.ts` "makes every directory" |', '| 1.02 | rule | open: next issue |'),
    ).toEqual([]);
  });

  it('is refused for a missing file, a missing title, no test at all, a number used twice, a section without rows', () => {
    expect(check('| 1.01 | rule | `b.test.ts` "x" |')).toEqual(['1.01: b.test.ts does not exist']);
    expect(check('| 1.01 | rule | `a.test.ts` "x" |')).toEqual(['1.01: a.test.ts has no test "x"']);
    expect(check('| 1.01 | rule | open |')[0]).toContain('names no test');
    expect(check('| 1.01 | r | open: x |', '| 1.01 | r | open: x |')).toEqual(['1.01: the number is used twice']);
    expect(check()).toEqual(['section 1 has no rows']);
  });
});
