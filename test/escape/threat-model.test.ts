import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkCoverage, parseCoverage } from '../../scripts/spec-coverage.mjs';
import { ATTEMPTS } from './environments.mjs';

const repository = new URL('../../', import.meta.url);
const PAGE = 'packages/jailer/THREAT_MODEL.md';
const rows = parseCoverage(readFileSync(new URL(PAGE, repository), 'utf8'));

describe('the threat model of the jail', () => {
  it('names, for each promise, tests and attempts that exist', () => {
    const problems = checkCoverage(rows, (file) => {
      const url = new URL(file, repository);
      return existsSync(url) ? readFileSync(url, 'utf8') : undefined;
    });
    // The page has one section, its own.
    expect(problems.filter((problem) => !/^section \d has no rows$/.test(problem))).toEqual([]);
    expect(rows.length).toBeGreaterThan(30);
    expect(rows.filter(({ open }) => open)).toEqual([]);
  });

  it('names attempts by their whole names', () => {
    const named = rows.flatMap(({ tests }) => tests).filter(({ file }) => file === 'test/escape/attempts.json');
    expect(named.map(({ title }) => title).filter((title) => ATTEMPTS[title] === undefined)).toEqual([]);
  });
});
