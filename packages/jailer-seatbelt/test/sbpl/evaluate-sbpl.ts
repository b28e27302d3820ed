import { matchesFilter, type Parameters, symbolOf } from './match-filter.js';
import { type Parsed, parseSbpl } from './parse-sbpl.js';
import type { Question, Semantics } from './sbpl-question.js';

interface Rule {
  readonly allow: boolean;
  readonly operations: readonly string[];
  readonly filters: readonly Parsed[];
}

/** Every operation there is, as far as this evaluator knows: a profile that names another one does not compile. */
const OPERATIONS = [
  'file-clone',
  'file-ioctl',
  'file-link',
  'file-map-executable',
  'file-read-data',
  'file-read-metadata',
  'file-read-xattr',
  'file-write-create',
  'file-write-data',
  'file-write-mode',
  'file-write-owner',
  'file-write-setugid',
  'file-write-times',
  'file-write-unlink',
  'file-write-xattr',
  'iokit-get-properties',
  'iokit-open',
  'ipc-posix-sem',
  'ipc-posix-shm-read-data',
  'mach-lookup',
  'mach-priv-task-port',
  'mach-register',
  'network-bind',
  'network-inbound',
  'network-outbound',
  'nvram-get',
  'nvram-set',
  'process-exec',
  'process-exec-interpreter',
  'process-fork',
  'process-info-listpids',
  'process-info-pidinfo',
  'signal',
  'sysctl-read',
  'sysctl-write',
  'system-socket',
];

/** Allowed unless a profile denies them by name: `(deny default)` does not reach them. The worst that is told of any release. */
const BEYOND_DEFAULT = /^(file-map-executable|iokit-get-properties|nvram-|process-info-)/;

/** A profile that can be asked. */
export interface SbplProfile {
  allows(question: Question, semantics?: Semantics): boolean;
}

/**
 * Reads a profile of the subset this project writes, and answers what a process under it may do.
 * @throws SyntaxError for anything outside the subset
 */
export function sbplProfile(text: string, parameters: Parameters = {}): SbplProfile {
  const [version, ...forms] = parseSbpl(text);
  if (JSON.stringify(version) !== '[{"symbol":"version"},{"symbol":"1"}]') {
    throw new SyntaxError('a profile begins with (version 1)');
  }
  const rules = forms.map(ruleOf);
  const rulesAbout = new Map(
    OPERATIONS.map((operation) => [
      operation,
      rules.filter((rule) => rule.operations.some((one) => covers(one, operation))),
    ]),
  );
  const matches = ({ filters }: Rule, question: Question) =>
    filters.length === 0 || filters.some((filter) => matchesFilter(filter, question, parameters));
  return {
    allows(question, semantics = 'last') {
      const about = rulesAbout.get(question.operation);
      if (about === undefined) throw new SyntaxError(`no such operation: ${question.operation}`);
      const matching = about.filter((rule) => matches(rule, question));
      if (semantics === 'last') return matching.at(-1)?.allow ?? BEYOND_DEFAULT.test(question.operation);
      const nearness = (rule: Rule) => Math.max(...rule.operations.map((one) => nearnessOf(one, question.operation)));
      const best = Math.max(-1, ...matching.map(nearness));
      return matching.findLast((rule) => nearness(rule) === best)?.allow ?? BEYOND_DEFAULT.test(question.operation);
    },
  };
}

function ruleOf(form: readonly Parsed[]): Rule {
  const [head, ...rest] = form;
  const action = symbolOf(head);
  if (action !== 'allow' && action !== 'deny') throw new SyntaxError(`not a rule: ${action}`);
  const operations = rest.filter((node) => !Array.isArray(node)).map(symbolOf);
  const filters = rest.filter((node) => Array.isArray(node));
  if (operations.length === 0) throw new SyntaxError('a rule about no operation');
  const unknown = operations.find((one) => one !== 'default' && !OPERATIONS.some((known) => covers(one, known)));
  if (unknown !== undefined) throw new SyntaxError(`no such operation: ${unknown}`);
  return { allow: action === 'allow', operations, filters };
}

function covers(named: string, operation: string): boolean {
  if (named === 'default') return !BEYOND_DEFAULT.test(operation);
  return named.endsWith('*') ? operation.startsWith(named.slice(0, -1)) : named === operation;
}

/** Exact names before groups, small groups before large ones; -1 for what does not cover it. */
function nearnessOf(named: string, operation: string): number {
  if (!covers(named, operation)) return -1;
  if (named === 'default') return 0;
  return named === operation ? Number.MAX_SAFE_INTEGER : named.length;
}
