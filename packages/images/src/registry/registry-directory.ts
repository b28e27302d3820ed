import type { CredentialSource } from './credential-source.js';
import type { HttpClient } from './http-client.js';
import type { ImageRegistry } from './image-registry.js';
import type { MirrorLocation } from './mirror-location.js';
import { withMirrors } from './mirrored-registry.js';
import { RegistryClient } from './registry-client.js';
import { defaultEntry, type RegistryEntry } from './registry-settings.js';

export interface RegistryDirectoryOptions {
  readonly registries: ReadonlyMap<string, RegistryEntry>;
  readonly http: HttpClient;
  /** Asked for hosts whose settings say nothing of credentials. */
  readonly credentials: CredentialSource;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** The registries of a source by host, each made once, with its mirrors before it and its tokens behind it. */
export function registryDirectory(options: RegistryDirectoryOptions): (host: string) => ImageRegistry {
  const { registries, http, now } = options;
  const made = new Map<string, ImageRegistry>();
  const configured = (host: string) => registries.get(host.toLowerCase());
  const entryOf = (host: string) => configured(host) ?? defaultEntry(host);
  // Said here once for all hosts, so that no mirror can be given what belongs to its registry.
  const credentials: CredentialSource = async (wanted) => {
    const given = configured(wanted.host)?.credentials;
    return given === undefined ? options.credentials(wanted) : { credentials: given };
  };
  const mirrorOf = ({ host, prefix }: MirrorLocation) =>
    // Tried once: what comes next is the other attempt.
    new RegistryClient({ entry: entryOf(host), http, configured, credentials, now, prefix, attempts: 1 });
  const make = (host: string): ImageRegistry => {
    const entry = entryOf(host);
    const registry = new RegistryClient({ entry, http, configured, credentials, now });
    return entry.mirrors.length === 0 ? registry : withMirrors(entry.mirrors.map(mirrorOf), registry, now);
  };
  return (host) => {
    const existing = made.get(host);
    if (existing !== undefined) return existing;
    const registry = make(host);
    made.set(host, registry);
    return registry;
  };
}
