/** A word of the language: an operation, a filter's name. Never made from what a user gave. */
export interface SbplSymbol {
  readonly symbol: string;
}

/** A string is a string literal of the profile, whatever characters it holds; an array is a form in parentheses. */
export type SbplNode = SbplSymbol | string | readonly SbplNode[];

/** One top-level form, such as `(allow file-read* (literal "/"))`. */
export type SbplForm = readonly SbplNode[];

/** A part of a profile under a heading that says what it is for. */
export interface SbplSection {
  /** One line each, ours alone: a comment is the one place where text is not quoted. */
  readonly heading: readonly string[];
  readonly forms: readonly SbplForm[];
}

export function symbol(name: string): SbplSymbol {
  return { symbol: name };
}

/** A filter, such as `(subpath "/usr/lib")` or `(target self)`. */
export function filter(name: string, ...values: readonly SbplNode[]): SbplForm {
  return [symbol(name), ...values];
}

/** A rule. Without filters it is about everything its operations do, so a list that came out empty must not become one. */
export function rule(
  action: 'allow' | 'deny',
  operations: readonly string[],
  filters: readonly SbplForm[] = [],
): SbplForm {
  return [symbol(action), ...operations.map(symbol), ...filters];
}

/** None for no filters: a rule without filters would be about everything. */
export function ruleAbout(
  action: 'allow' | 'deny',
  operations: readonly string[],
  filters: readonly SbplForm[],
): readonly SbplForm[] {
  return filters.length === 0 ? [] : [rule(action, operations, filters)];
}
