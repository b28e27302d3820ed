/** One challenge of a `WWW-Authenticate` header (RFC 9110, 11.6.1). */
export interface AuthChallenge {
  /** Lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

// No registry sends more; bounds the work on a hostile header.
const MAX_HEADER_LENGTH = 8192;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
// Values without quotes may hold more than RFC 9110 allows: some registries leave quotes out.
const PARAMETER = new RegExp(`^(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s",]+))[ \\t]*(?:,[ \\t]*|$)`);
const SCHEME = new RegExp(`^(${TOKEN})(?:[ \\t]+|[ \\t]*,[ \\t]*|$)`);

/** Reads what it understands and stops at what it does not. */
export function parseAuthChallenges(header: string): readonly AuthChallenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let rest = header.slice(0, MAX_HEADER_LENGTH).trim();
  while (rest !== '') {
    const parameter = PARAMETER.exec(rest);
    const current = challenges.at(-1);
    if (parameter !== null && current !== undefined) {
      const [matched, name = '', quoted, bare = ''] = parameter;
      current.parameters.set(name.toLowerCase(), quoted === undefined ? bare : quoted.replace(/\\(.)/g, '$1'));
      rest = rest.slice(matched.length);
      continue;
    }
    const scheme = SCHEME.exec(rest);
    if (scheme === null) break;
    const [matched, name = ''] = scheme;
    challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    rest = rest.slice(matched.length);
  }
  return challenges;
}
