import assert from 'node:assert/strict';
import type { ConformanceCase } from './conformance-case.js';
import { type BrokenRule, ConformanceError } from './conformance-error.js';
import { SLOWNESS } from './slowness.js';

/** Checks under the sentences of the contract they show: rule, then name, then check. */
export type RuledCases<Context> = Readonly<
  Record<string, Readonly<Record<string, (context: Context) => Promise<void>>>>
>;

/** How the cases of a suite are run. */
export interface CaseSurroundings<Context> {
  readonly contract: string;
  /** Milliseconds after which a check that has not ended counts as hung; default 45 000, times `BOXLITE_TEST_SLOW` where that is set. */
  readonly deadlineMs?: number | undefined;
  /** Makes what a check works on, runs it, and cleans up, whatever came of it. Its own failures are the setup's, not the implementation's. */
  around(check: (context: Context) => Promise<void>): Promise<void>;
}

const DEADLINE_MS = 45_000 * SLOWNESS;

/** Makes the cases of a suite of checks: what a check throws names the rule that was broken. */
export function defineCases<Context>(
  { contract, deadlineMs = DEADLINE_MS, around }: CaseSurroundings<Context>,
  rules: RuledCases<Context>,
): ConformanceCase[] {
  return Object.entries(rules).flatMap(([rule, checks]) =>
    Object.entries(checks).map(([name, check]) => ({
      name,
      contract,
      rule,
      run: () =>
        around((context) => named({ contract, rule, caseName: name }, () => within(check(context), deadlineMs))),
    })),
  );
}

/** The same sentence may have checks in several files. */
export function mergeCases<Context>(...parts: readonly RuledCases<Context>[]): RuledCases<Context> {
  const merged: Record<string, Record<string, (context: Context) => Promise<void>>> = {};
  for (const [rule, checks] of parts.flatMap((part) => Object.entries(part))) {
    merged[rule] = { ...merged[rule], ...checks };
  }
  return merged;
}

/** Runs a part of the setup within a check: what it throws is no fault of the implementation. */
export async function ofSetup<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (thrown) {
    throw new SetupFailure(thrown);
  }
}

class SetupFailure extends Error {
  constructor(readonly reason: unknown) {
    super('the setup of the case failed', { cause: reason });
  }
}

async function named(broken: BrokenRule, check: () => Promise<void>): Promise<void> {
  try {
    await check();
  } catch (thrown) {
    if (thrown instanceof SetupFailure) throw thrown.reason;
    throw new ConformanceError(broken, thrown);
  }
}

async function within(check: Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new assert.AssertionError({ message: `it hangs: nothing has come of it in ${milliseconds} ms` })),
      milliseconds,
    );
  });
  try {
    await Promise.race([check, hung]);
  } finally {
    clearTimeout(timer);
  }
}
