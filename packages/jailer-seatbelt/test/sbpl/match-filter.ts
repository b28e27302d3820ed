import type { Parsed } from './parse-sbpl.js';
import type { Question, SocketEnd } from './sbpl-question.js';

/** The values of `(param "NAME")`, as `sandbox-exec -D` gives them. */
export type Parameters = Readonly<Record<string, string>>;

/**
 * Whether a filter is about a question.
 * @throws SyntaxError for a filter this evaluator does not know: an answer would be a guess
 */
export function matchesFilter(filter: Parsed, question: Question, parameters: Parameters = {}): boolean {
  const [head, ...values] = asForm(filter);
  const name = symbolOf(head);
  const inner = (one: Parsed) => matchesFilter(one, question, parameters);
  switch (name) {
    case 'require-any':
      return values.some(inner);
    case 'require-all':
      return values.every(inner);
    case 'require-not':
      return !values.some(inner);
    case 'literal':
    case 'path-literal':
      return question.path !== undefined && values.some((value) => textOf(value, parameters) === question.path);
    case 'subpath':
      return values.some((value) => isBelow(textOf(value, parameters), question.path));
    case 'regex':
      return values.some((value) => question.path !== undefined && regexOf(value).test(question.path));
    case 'remote':
      return matchesEnd(values, question.remote, question, parameters);
    case 'local':
      return matchesEnd(values, question.local, question, parameters);
    case 'target':
      return values.some((value) => symbolOf(value) === question.target);
    case 'sysctl-name':
    case 'global-name':
    case 'iokit-user-client-class':
      return values.some((value) => textOf(value, parameters) === question.name);
    case 'sysctl-name-prefix':
      return values.some((value) => question.name?.startsWith(textOf(value, parameters)) === true);
    case 'socket-domain':
      return values.some((value) => symbolOf(value) === question.socketDomain);
    case 'socket-protocol':
      return values.some((value) => Number(symbolOf(value)) === question.socketProtocol);
    default:
      throw new SyntaxError(`no such filter is known: ${name}`);
  }
}

/** `(remote ip "localhost:*")`, `(remote tcp)`, `(local unix-socket (subpath "…"))`. */
function matchesEnd(values: readonly Parsed[], end: SocketEnd | undefined, question: Question, parameters: Parameters) {
  const [head, ...about] = values;
  if (end === undefined) return false;
  const kind = symbolOf(head);
  if (kind === 'unix-socket') {
    if (end.kind !== 'unix') return false;
    return about.length === 0 || about.some((one) => matchesFilter(one, { ...question, path: end.path }, parameters));
  }
  if (!['ip', 'tcp', 'udp'].includes(kind)) throw new SyntaxError(`no such kind of address is known: ${kind}`);
  if (end.kind !== 'ip' || (kind !== 'ip' && kind !== end.protocol)) return false;
  return about.length === 0 || about.some((one) => matchesAddress(textOf(one, parameters), end));
}

/** `host:port`, where the host is `*` or `localhost` and the port a number or `*`: nothing else can be said. */
function matchesAddress(address: string, { host, port }: SocketEnd & { readonly kind: 'ip' }): boolean {
  const [wantedHost, wantedPort] = address.split(':');
  if (wantedHost !== '*' && wantedHost !== 'localhost') throw new SyntaxError(`no such host can be said: ${address}`);
  const isHost = wantedHost === '*' || ['127.0.0.1', '::1'].includes(host);
  return isHost && (wantedPort === '*' || Number(wantedPort) === port);
}

function isBelow(directory: string, path: string | undefined): boolean {
  return path === directory || path?.startsWith(directory === '/' ? '/' : `${directory}/`) === true;
}

function textOf(node: Parsed, parameters: Parameters): string {
  if (typeof node === 'string') return node;
  const [head, name] = asForm(node);
  const value = symbolOf(head) === 'param' && typeof name === 'string' ? parameters[name] : undefined;
  if (value === undefined) throw new SyntaxError(`not a string: ${JSON.stringify(node)}`);
  return value;
}

function regexOf(node: Parsed): RegExp {
  if (typeof node === 'string') return new RegExp(node);
  if (typeof node === 'object' && 'regex' in node) return new RegExp(node.regex);
  throw new SyntaxError(`not a regular expression: ${JSON.stringify(node)}`);
}

export function symbolOf(node: Parsed | undefined): string {
  if (typeof node === 'object' && 'symbol' in node) return node.symbol;
  throw new SyntaxError(`not a symbol: ${JSON.stringify(node)}`);
}

function asForm(node: Parsed): readonly Parsed[] {
  if (Array.isArray(node)) return node;
  throw new SyntaxError(`not a filter: ${JSON.stringify(node)}`);
}
