import { AssertionError } from 'node:assert/strict';

/** What a {@link ConformanceError} is about. */
export interface BrokenRule {
  readonly contract: string;
  /** The contract's own sentence. */
  readonly rule: string;
  /** The case that found out. */
  readonly caseName: string;
}

/**
 * An implementation breaks a rule of its contract. The message gives the contract's sentence, the case, and what was seen; `cause` is the
 * assertion that failed or what the implementation threw, and a comparison's two sides are kept for the test runner to show.
 */
export class ConformanceError extends AssertionError implements BrokenRule {
  readonly contract: string;
  readonly rule: string;
  readonly caseName: string;

  constructor(broken: BrokenRule, seen: unknown) {
    const { contract, rule, caseName } = broken;
    const comparison = seen instanceof AssertionError ? seen : undefined;
    super({
      message: [
        `this ${contract} breaks a rule of its contract`,
        `  rule: ${rule}`,
        `  case: ${caseName}`,
        `  seen: ${describe(seen).replaceAll('\n', '\n        ')}`,
      ].join('\n'),
      ...(comparison === undefined
        ? {}
        : { actual: comparison.actual, expected: comparison.expected, operator: comparison.operator }),
    });
    this.name = 'ConformanceError';
    this.cause = seen;
    this.contract = contract;
    this.rule = rule;
    this.caseName = caseName;
  }
}

function describe(seen: unknown): string {
  if (seen instanceof AssertionError) return seen.message;
  if (!(seen instanceof Error)) return `it threw ${String(seen)}`;
  const code = (seen as { code?: unknown }).code;
  return `it threw ${seen.name}${typeof code === 'string' ? ` ${code}` : ''}: ${seen.message}`;
}
