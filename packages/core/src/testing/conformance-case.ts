/**
 * One check of a conformance suite. Suites are lists of these, so that any test runner can run them; see
 * {@link import('./run-conformance.js').runConformance}.
 */
export interface ConformanceCase {
  /** A sentence about behaviour. */
  readonly name: string;
  /** The contract it belongs to, such as `VmmHandler`. */
  readonly contract: string;
  /** The contract's own sentence, from the comment on its type. */
  readonly rule: string;
  /** Rejects with a {@link import('./conformance-error.js').ConformanceError} when the implementation does not behave so. */
  run(): Promise<void>;
}
