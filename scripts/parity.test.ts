import { describe, expect, it } from 'vitest';
import { countResults, parityTable } from './parity.mjs';

const features = {
  run: { title: 'a command', tests: ['main-job'] },
  volumes: { title: 'volumes', tests: ['volumes > volumes'], gaps: { qemu: 'no virtiofs here' } },
};
const test = (fullName: string, status: string) => ({ fullName, status });
const file = (name: string, ...assertionResults: ReturnType<typeof test>[]) => ({
  name: `/somewhere/test/e2e/${name}.test.ts`,
  assertionResults,
});
const result = (passed: number, failed = 0, skipped = 0) => ({ passed, failed, skipped });
const recorded = '2026-11-22';

describe('the parity table', () => {
  it('counts the tests of a feature by file, or by file and beginning of the title', () => {
    const report = {
      testResults: [
        file('main-job', test('the main job runs', 'passed'), test('the main job fails', 'failed')),
        file('volumes', test('volumes (no) show', 'skipped'), test('a VMM without volumes refuses', 'passed')),
        { name: '/somewhere/packages/x/src/main-job.test.ts', assertionResults: [test('x', 'failed')] },
      ],
    };
    expect(countResults(features, [report])).toEqual({ run: result(1, 1), volumes: result(0, 0, 1) });
    expect(countResults(features, [])).toEqual({});
  });

  it('says for each VMM yes, no with the reason, failed, or not run', () => {
    const { markdown, problems } = parityTable(features, {
      'qemu-tcg': { recorded, features: { run: result(5), volumes: result(0, 0, 3) } },
      libkrun: { recorded, features: { run: result(4, 1), volumes: result(3) } },
    });
    expect(problems).toEqual([]);
    expect(markdown).toContain('| a command | yes (5)          | not run       | **failed** (1 of 5) |');
    expect(markdown).toContain('| volumes   | no [1]           | not run       | yes (3)             |');
    expect(markdown).toContain('[1] no virtiofs here\n');
  });

  it('finds gaps without a reason, reasons without a gap, and results of nothing known', () => {
    const { problems } = parityTable(features, {
      'qemu-tcg': { recorded, features: { run: result(0, 0, 2), volumes: result(3), gone: result(1) } },
      nowhere: { recorded, features: {} },
    });
    expect(problems).toEqual([
      'run: skipped on qemu-tcg without a reason',
      'volumes: works on qemu-tcg, and is listed as a gap',
      'results of the unknown feature gone',
      'results of the unknown environment nowhere',
    ]);
  });
});
