/**
 * One check of a conformance suite. Suites are lists of these, so that any test runner can run them:
 *
 * ```ts
 * for (const { name, run } of diskStoreConformance(setup)) it(name, run);
 * ```
 */
export interface ConformanceCase {
  /** A sentence about behaviour. */
  readonly name: string;
  /** Rejects (with `node:assert`'s error) when the implementation does not behave so. */
  run(): Promise<void>;
}
