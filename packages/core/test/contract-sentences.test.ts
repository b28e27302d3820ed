import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as testing from '../src/testing/index.js';

const contracts = fileURLToPath(new URL('../src/contracts/', import.meta.url));

/** Comments of the contracts as running text. */
const prose = readdirSync(contracts)
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  .map((name) => readFileSync(`${contracts}${name}`, 'utf8'))
  .join('\n')
  .replace(/^\s*(\/\*\*|\*\/|\*)/gm, '')
  .replace(/\s+/g, ' ');

const suites = Object.entries(testing).filter(([name]) => name.endsWith('Conformance') && name !== 'runConformance');

describe.each(suites)('%s', (_name, suite) => {
  // No case runs: a suite is a list before its setup is asked for anything.
  const cases = (suite as (setup: unknown) => testing.ConformanceCase[])({});

  it('shows rules that are sentences of the contract, word by word', () => {
    const strangers = [...new Set(cases.map(({ rule }) => rule))].filter((rule) => !prose.includes(rule));
    expect(strangers).toEqual([]);
  });

  it('has a name of its own for each case', () => {
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  });
});
