import { BoxliteError } from '@boxlite/core';
import { DEFAULT_REGISTRY } from '../reference/registry-host.js';
import { isLoopback, type RegistryEntry } from './registry-settings.js';

/** Where the API of docker.io is (distribution project, `reference` and `registry` packages). */
const DOCKER_HUB_API = 'registry-1.docker.io';

/** Origin of a registry's API. */
export function endpointUrl(entry: RegistryEntry): URL {
  const host = entry.host === DEFAULT_REGISTRY ? DOCKER_HUB_API : entry.host;
  return new URL(`${entry.transport}://${host}`);
}

/**
 * Refuses an address a registry sends us to (redirect, token server) unless it is as well protected as the registry itself: https; or
 * http, where the registry itself is spoken to by http, on the same host or both on loopback, or where the user configured http.
 *
 * @param target what the registry said, relative or absolute
 * @param what `redirect` or `token server`, for the error
 * @param configured what the user says about a host
 * @throws BoxliteError `network_unavailable`
 */
export function checkForwardedUrl(
  target: string,
  base: URL,
  what: string,
  configured: (host: string) => RegistryEntry | undefined,
): URL {
  const url = URL.canParse(target, base.href) ? new URL(target, base) : undefined;
  const reason = url === undefined ? 'it is no URL' : refusal(url, base, configured);
  if (url !== undefined && reason === undefined) return url;
  throw new BoxliteError('network_unavailable', `registry ${base.host} names a ${what} that is refused: ${reason}`, {
    hint: 'configure that host with transport "http" if you trust it',
    details: { registry: base.host, ...(url === undefined ? {} : { host: url.host }) },
  });
}

function refusal(url: URL, base: URL, configured: (host: string) => RegistryEntry | undefined): string | undefined {
  if (url.username !== '' || url.password !== '') return 'it carries credentials';
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return 'it is neither https nor http';
  const plainBase = base.protocol === 'http:';
  if (plainBase && url.host === base.host) return undefined;
  if (plainBase && isLoopback(base.hostname) && isLoopback(url.hostname)) return undefined;
  return configured(url.host)?.transport === 'http' ? undefined : 'it is not encrypted';
}
