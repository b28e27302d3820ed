/** A word or a mark of a policy, with the line it stands in. */
export interface PolicyToken {
  readonly text: string;
  readonly line: number;
}

/** A statement: what stands in one line, or in several while a parenthesis or brace is open. */
export type PolicyStatement = readonly [PolicyToken, ...PolicyToken[]];

/** No policy is nearly as long; a text of this size is a mistake, or an attempt on the host's memory. */
export const POLICY_MAX_CHARACTERS = 262_144;

/** The last alternative is any other character: no token. */
const TOKEN = /->|==|!=|[()[\]{},&|]|[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*|[0-9][A-Za-z0-9_]*|[^ \t\r]/g;
const IS_TOKEN = /^(?:->|==|!=|[()[\]{},&|A-Za-z0-9_])/;
const OPENING = '({';
const CLOSING = ')}';

/** Splits a policy into statements. `refuse` makes the error for a line. */
export function policyStatements(
  text: string,
  refuse: (line: number, reason: string) => Error,
): readonly PolicyStatement[] {
  if (text.length > POLICY_MAX_CHARACTERS) {
    throw refuse(1, `the text has ${text.length} characters, more than ${POLICY_MAX_CHARACTERS}`);
  }
  const statements: PolicyStatement[] = [];
  let current: PolicyToken[] = [];
  let depth = 0;
  const lines = text.split('\n');
  for (const [index, whole] of lines.entries()) {
    for (const token of tokensOf(whole, index + 1, refuse)) {
      if (OPENING.includes(token.text)) depth++;
      if (CLOSING.includes(token.text)) depth--;
      if (depth < 0) throw refuse(index + 1, `${token.text} closes nothing`);
      current.push(token);
    }
    const [first, ...rest] = current;
    if (depth > 0 || first === undefined) continue;
    statements.push([first, ...rest]);
    current = [];
  }
  const [open] = current;
  if (open !== undefined) throw refuse(open.line, `what begins here with "${open.text}" is never closed`);
  return statements;
}

function tokensOf(
  whole: string,
  line: number,
  refuse: (line: number, reason: string) => Error,
): readonly PolicyToken[] {
  const comment = whole.indexOf('#');
  const words = (comment === -1 ? whole : whole.slice(0, comment)).match(TOKEN) ?? [];
  const bad = words.find((text) => !IS_TOKEN.test(text));
  if (bad !== undefined) throw refuse(line, `${JSON.stringify(bad)} means nothing here`);
  return words.map((text) => ({ text, line }));
}
