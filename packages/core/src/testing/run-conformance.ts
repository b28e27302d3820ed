import type { ConformanceCase } from './conformance-case.js';
import { SLOWNESS } from './slowness.js';

/** `it` or `test` of `node:test`, vitest, or any framework that takes options second. */
export type TestFunction = (name: string, options: { readonly timeout: number }, run: () => Promise<void>) => unknown;

/** Settings of {@link runConformance}. */
export interface RunConformanceOptions {
  /** Milliseconds the framework gives each case; default 120 000, above every suite's own deadline. */
  readonly timeoutMs?: number;
}

/** What came of one case. */
export interface ConformanceResult {
  readonly name: string;
  readonly contract: string;
  readonly rule: string;
  /** Absent when the case passed. */
  readonly error?: Error;
}

/** What came of a suite. */
export interface ConformanceReport {
  readonly passed: number;
  readonly failed: number;
  readonly results: readonly ConformanceResult[];
}

const TIMEOUT_MS = 120_000 * SLOWNESS;

/**
 * Hands every case of a suite to a test framework.
 *
 * @example
 * ```ts
 * import { describe, it } from 'node:test'; // or from 'vitest'
 * describe('my kernel source', () => runConformance(kernelSourceConformance(setup), it));
 * ```
 */
export function runConformance(
  cases: readonly ConformanceCase[],
  it: TestFunction,
  { timeoutMs = TIMEOUT_MS }: RunConformanceOptions = {},
): void {
  for (const { name, run } of cases) it(name, { timeout: timeoutMs }, () => run());
}

/**
 * Runs a suite without a framework, one case after the other, to its end.
 * @param tell called after each case
 */
export async function conformanceReport(
  cases: readonly ConformanceCase[],
  tell?: (result: ConformanceResult) => void,
): Promise<ConformanceReport> {
  const results: ConformanceResult[] = [];
  for (const { name, contract, rule, run } of cases) {
    const error = await failureOf(run);
    const result = { name, contract, rule, ...(error === undefined ? {} : { error }) };
    results.push(result);
    tell?.(result);
  }
  const failed = results.filter(({ error }) => error !== undefined).length;
  return { passed: results.length - failed, failed, results };
}

async function failureOf(run: () => Promise<void>): Promise<Error | undefined> {
  try {
    await run();
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  }
}
