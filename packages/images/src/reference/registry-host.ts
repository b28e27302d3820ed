import { isIPv6 } from 'node:net';

/** The registry of names without a host. */
export const DEFAULT_REGISTRY = 'docker.io';
/** What the registry of names without a host was called before; Docker still takes it for the same. */
const LEGACY_DEFAULT_REGISTRY = 'index.docker.io';

/** RFC 1035, 2.3.4, without the final dot. */
const MAX_HOST_LENGTH = 253;
const MAX_PORT = 65_535;
const HOST = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;

/**
 * Checks `host[:port]`, IPv6 addresses in brackets, and gives the one spelling used everywhere: lower case, no needless zeros.
 * @returns undefined when it is not one
 */
export function normalizeHost(text: string): string | undefined {
  const match = /^(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?$/.exec(text.toLowerCase());
  if (match === null) return undefined;
  const [, written = '', port] = match;
  if (port !== undefined && (Number(port) < 1 || Number(port) > MAX_PORT)) return undefined;
  const host = written.startsWith('[') ? normalizeIpv6(written) : normalizeName(written);
  if (host === undefined) return undefined;
  const normalized = port === undefined ? host : `${host}:${Number(port)}`;
  return normalized === LEGACY_DEFAULT_REGISTRY ? DEFAULT_REGISTRY : normalized;
}

/** True when the first component of a reference names a registry instead of a user of the default one. Docker's rule. */
export function isHostComponent(component: string): boolean {
  // Repositories are lower case, so what is not cannot be part of one.
  return /[.:]/.test(component) || component === 'localhost' || component !== component.toLowerCase();
}

function normalizeIpv6(bracketed: string): string | undefined {
  // A zone names an interface of one machine; no reference may.
  if (!isIPv6(bracketed.slice(1, -1)) || bracketed.includes('%')) return undefined;
  return new URL(`http://${bracketed}`).hostname;
}

function normalizeName(name: string): string | undefined {
  if (name.length > MAX_HOST_LENGTH || !HOST.test(name)) return undefined;
  // URLs read "127.1" and "0x7f.0.0.1" as addresses, and cannot hold "1.2.3.4.5": the host asked would not be the one written.
  const url = `http://${name}`;
  return URL.canParse(url) && new URL(url).hostname === name ? name : undefined;
}
