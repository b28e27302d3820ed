import { type FilterArchitecture, isSyscallName, syscallNumber } from '../syscall-numbers.js';
import { ERROR_NUMBERS } from './error-numbers.js';
import { parseConditions } from './parse-conditions.js';
import { policyError } from './policy-error.js';
import { type PolicyStatement, policyStatements } from './policy-tokens.js';
import { Reader } from './reader.js';
import type { PolicyRule, PolicyVerdict, SeccompPolicy } from './seccomp-policy.js';

const BOTH: readonly FilterArchitecture[] = ['x64', 'arm64'];
const SECTIONS: Readonly<Record<string, readonly FilterArchitecture[]>> = { all: BOTH, x64: ['x64'], arm64: ['arm64'] };
/** The switch every policy has: internet sockets depend on it. */
export const NETWORK_SWITCH = 'network';

interface Draft {
  name: string | undefined;
  readonly hot: string[];
  readonly switches: string[];
  readonly rules: PolicyRule[];
  section: readonly FilterArchitecture[];
  /** Lines of rules that leave nothing to later ones, by call. */
  readonly decided: Readonly<Record<FilterArchitecture, Map<string, number>>>;
}

/**
 * Reads the text of a policy. The grammar is in this package's README, "Policies".
 * @throws BoxliteError `invalid_argument`, the message naming line and reason, `details.line`
 */
export function parsePolicy(text: string): SeccompPolicy {
  const draft: Draft = {
    name: undefined,
    hot: [],
    switches: [],
    rules: [],
    section: BOTH,
    decided: { x64: new Map(), arm64: new Map() },
  };
  const refuse = (line: number, reason: string, hint?: string) =>
    policyError(draft.name ?? '(unnamed)', line, reason, hint);
  for (const statement of policyStatements(text, refuse))
    readStatement(draft, new Reader(statement, refuse), statement);
  if (draft.name === undefined) throw refuse(1, 'the first statement must be "policy" and a name');
  for (const call of draft.hot) {
    if (!draft.rules.some((rule) => rule.call === call)) throw refuse(1, `${call} is hot and has no rule`);
  }
  return { name: draft.name, hot: draft.hot, switches: [NETWORK_SWITCH, ...draft.switches], rules: draft.rules };
}

function readStatement(draft: Draft, reader: Reader, [first]: PolicyStatement): void {
  if (draft.name === undefined) {
    if (first.text !== 'policy') throw reader.refuse('the first statement must be "policy" and a name');
    reader.take('policy');
    draft.name = reader.word('a name');
  } else if (reader.takeIf('[')) {
    const name = reader.word('all, x64 or arm64');
    const section = Object.hasOwn(SECTIONS, name) ? SECTIONS[name] : undefined;
    if (section === undefined) throw reader.refuse(`no section is called ${name}`, 'use [all], [x64] or [arm64]');
    draft.section = section;
    reader.take(']');
  } else if (first.text === 'switch') {
    reader.take('switch');
    while (!reader.atEnd()) draft.switches.push(reader.word('a name'));
  } else if (first.text === 'hot') {
    reader.take('hot');
    while (!reader.atEnd()) draft.hot.push(knownCall(reader, draft.section));
  } else {
    addRule(draft, reader, readRule(draft, reader, first.line));
  }
  reader.end();
}

function readRule(draft: Draft, reader: Reader, line: number): PolicyRule {
  const call = knownCall(reader, draft.section);
  const conditions = reader.takeIf('(') ? parseConditions(reader, call) : [];
  const verdict = reader.takeIf('->') ? readVerdict(reader) : ({ kind: 'allow' } as const);
  const negated = reader.takeIf('unless');
  if (!negated && !reader.takeIf('if')) return { call, line, architectures: draft.section, conditions, verdict };
  const name = reader.word('the name of a switch');
  if (name !== NETWORK_SWITCH && !draft.switches.includes(name)) {
    throw reader.refuse(`there is no switch ${name}`, `declare it with "switch ${name}" before it is used`);
  }
  return { call, line, architectures: draft.section, onlyIf: { name, on: !negated }, conditions, verdict };
}

function knownCall(reader: Reader, section: readonly FilterArchitecture[]): string {
  const call = reader.word('a system call');
  if (!isSyscallName(call)) throw reader.refuse(`there is no system call ${call}`);
  const [only] = section;
  if (section.length === 1 && only !== undefined && syscallNumber(call, only) === undefined) {
    throw reader.refuse(`${only} has no system call ${call}`);
  }
  return call;
}

function readVerdict(reader: Reader): PolicyVerdict {
  const name = reader.word('an error or "kill"');
  if (name === 'kill') return { kind: 'kill' };
  const errno = Object.hasOwn(ERROR_NUMBERS, name) ? ERROR_NUMBERS[name] : undefined;
  if (errno === undefined)
    throw reader.refuse(`no error is called ${name}`, `use ${Object.keys(ERROR_NUMBERS).join(', ')} or kill`);
  return { kind: 'errno', errno };
}

/** Refuses a rule that an earlier one leaves nothing to: one of the two is a mistake. */
function addRule(draft: Draft, reader: Reader, rule: PolicyRule): void {
  const { call, line, architectures, conditions, onlyIf } = rule;
  for (const architecture of architectures) {
    const earlier = draft.decided[architecture].get(call);
    if (earlier !== undefined) throw reader.refuse(`line ${earlier} already decides every ${call}`);
    if (conditions.length === 0 && onlyIf === undefined) draft.decided[architecture].set(call, line);
  }
  draft.rules.push(rule);
}
