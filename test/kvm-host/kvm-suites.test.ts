import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { plan, SMOKE_SUITES, SUITES, vitestArguments } from './kvm-suites.mjs';
import { summary, table } from './summary.mjs';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

describe('what runs in the KVM host', () => {
  it('is every suite as root and as an ordinary user, each with a self-test and a box', () => {
    expect(plan({ smoke: false })).toEqual([
      { user: 'root', runsBox: true, suites: SUITES },
      { user: 'ordinary', runsBox: true, suites: SUITES },
    ]);
  });

  it('is one boot with a handful of cases for the smoke part', () => {
    expect(plan({ smoke: true })).toEqual([{ user: 'ordinary', runsBox: true, suites: SMOKE_SUITES }]);
  });

  it('can be narrowed by a part of a name', () => {
    expect(plan({ smoke: false, only: 'QEMU-KVM' }).map(({ suites }) => suites.map(({ name }) => name))).toEqual([
      ['VmmHandler conformance on QEMU-KVM'],
      ['VmmHandler conformance on QEMU-KVM'],
    ]);
  });

  it('can be narrowed to some files of a directory', () => {
    const [boot] = plan({ smoke: false, only: 'default VMM', files: ['cli-', 'link'] });
    expect(boot?.suites.map(({ files }) => files)).toEqual([['test/e2e/cli-', 'test/e2e/link']]);
  });

  it('names files and directories that are there', () => {
    for (const { files } of [...SUITES, ...SMOKE_SUITES]) {
      for (const file of files) expect(existsSync(join(REPOSITORY, file)), file).toBe(true);
    }
  });

  it('names smoke cases by titles that the conformance suite has', () => {
    const [smoke] = SMOKE_SUITES;
    const directory = join(REPOSITORY, 'packages/core/src/testing/vmm');
    const cases = readdirSync(directory)
      .map((name) => readFileSync(join(directory, name), 'utf8'))
      .join('\n');
    const patterns = smoke?.pattern?.split('|') ?? [];
    expect(patterns.length).toBeGreaterThanOrEqual(4);
    for (const pattern of patterns) expect(new RegExp(pattern).test(cases), pattern).toBe(true);
  });

  it('reads the configuration without bundling it, and only the asked tests', () => {
    expect(vitestArguments({ name: 'x', files: ['a', 'b'], pattern: 'one|two', limitSeconds: 1 })).toEqual([
      ...['--configLoader', 'native', '-t', 'one|two', 'a', 'b'],
    ]);
  });
});

describe('what is said at the end', () => {
  const results = [
    { who: 'root', name: 'one', passed: 3, failed: 0, skipped: 1, failures: [], seconds: 1.25 },
    { who: 'ordinary user', name: 'another', passed: 10, failed: 2, skipped: 0, failures: ['a', 'b'], seconds: 100 },
  ];

  it('counts all parts together', () => {
    expect(summary(results)).toEqual({ passed: 13, failed: 2, skipped: 1 });
  });

  it('is a table in columns', () => {
    expect(table(results)).toBe(
      [
        'as             what     passed  failed  skipped  seconds',
        'root           one           3       0        1      1.3',
        'ordinary user  another      10       2        0    100.0',
      ].join('\n'),
    );
  });
});
