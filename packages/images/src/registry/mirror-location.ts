import { normalizeHost } from '../reference/registry-host.js';

/** Where a mirror keeps the repositories of its registry. */
export interface MirrorLocation {
  /** `host[:port]`, normalized. */
  readonly host: string;
  /** Path before the repository's own, empty or such as `cache/hub`. */
  readonly prefix: string;
}

const PREFIX = /^[a-z0-9][a-z0-9._-]*(?:\/[a-z0-9][a-z0-9._-]*)*$/;
const MAX_PREFIX_LENGTH = 128;

/** Reads `host[:port][/prefix]`. @returns undefined when it is none */
export function parseMirror(text: string): MirrorLocation | undefined {
  const slash = text.indexOf('/');
  const host = normalizeHost(slash < 0 ? text : text.slice(0, slash));
  const prefix = slash < 0 ? '' : text.slice(slash + 1);
  if (host === undefined) return undefined;
  if (slash >= 0 && (prefix.length > MAX_PREFIX_LENGTH || !PREFIX.test(prefix))) return undefined;
  return { host, prefix };
}
