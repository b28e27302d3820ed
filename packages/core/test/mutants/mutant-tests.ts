import { type ConformanceCase, ConformanceError, conformanceReport } from '@boxlite/core/testing';
import { describe, expect, it } from 'vitest';

/** A mistake a plugin's author could make, and the case that finds it. */
export interface Mutant<Mutation> {
  /** Completes "a plugin that …". */
  readonly mistake: string;
  /** Name of the case, or the beginning of it. */
  readonly killedBy: string;
  readonly mutation: Mutation;
}

/** Least number of mutants that says something about a suite. */
const MIN_MUTANTS = 8;
const isFull = process.env.BOXLITE_TEST_FULL === '1';
/** For one case, or for a whole suite in which many cases may hang until their deadline; in milliseconds. */
const TIMEOUT_MS = isFull ? 600_000 : 60_000;

/**
 * Shows that a suite passes what is right and fails each mutant in the case that is for it, naming the broken rule. With `npm run test:full`
 * each mutant goes through the whole suite, and must not break what it does not touch: setup and clean-up.
 * @param suite the cases over the correct implementation, changed by the mutation if there is one
 */
export function mutantTests<Mutation>(
  contract: string,
  suite: (mutation?: Mutation) => readonly ConformanceCase[],
  mutants: readonly Mutant<Mutation>[],
): void {
  describe(`the ${contract} suite`, () => {
    it('passes the correct implementation the mutants are made of', async () => {
      const { results } = await conformanceReport(suite());
      expect(results.filter(({ error }) => error !== undefined)).toEqual([]);
    });

    it(`is shown to fail by ${mutants.length} mutants, at least ${MIN_MUTANTS}`, () => {
      expect(new Set(mutants.map(({ mistake }) => mistake)).size).toBe(mutants.length);
      expect(mutants.length).toBeGreaterThanOrEqual(MIN_MUTANTS);
    });

    for (const { mistake, killedBy, mutation } of mutants) {
      const rule = caseNamed(suite(), killedBy).rule;
      it(`fails one that ${mistake} | case: ${killedBy} | rule: ${rule}`, { timeout: TIMEOUT_MS }, async () => {
        const cases = suite(mutation);
        const killer = caseNamed(cases, killedBy);
        const { results } = await conformanceReport(isFull ? cases : [killer]);
        const failed = results.flatMap(({ error }) => error ?? []);
        const found = results.find(({ name }) => name === killer.name)?.error;
        expect(found, 'the mutant survives').toBeInstanceOf(ConformanceError);
        expect(found).toMatchObject({ contract, rule: killer.rule, caseName: killer.name, code: 'ERR_ASSERTION' });
        expect(found?.message).toContain(killer.rule);
        expect(failed.filter((error) => !(error instanceof ConformanceError))).toEqual([]);
      });
    }
  });
}

function caseNamed(cases: readonly ConformanceCase[], beginning: string): ConformanceCase {
  const found = cases.filter(({ name }) => name.startsWith(beginning));
  if (found[0] === undefined || found.length > 1) throw new Error(`${found.length} cases begin with "${beginning}"`);
  return found[0];
}
