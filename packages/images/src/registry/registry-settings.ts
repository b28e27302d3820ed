import { BoxliteError } from '@boxlite/core';
import * as z from 'zod';
import { normalizeHost } from '../reference/registry-host.js';
import { Credentials } from './credentials.js';
import { type MirrorLocation, parseMirror } from './mirror-location.js';
import { secretText } from './secret-text.js';

/** What a user says about one registry. */
export interface RegistrySettings {
  /** `host[:port]`, IPv6 addresses in brackets; no scheme, no path. */
  readonly host: string;
  /** Default `https`, for loopback hosts `http`. */
  readonly transport?: 'https' | 'http';
  /** Accept any TLS certificate. Default false. */
  readonly skipVerify?: boolean;
  /** Try this registry for images named without a host, in the order of the list. Default false. */
  readonly search?: boolean;
  /**
   * User name and password come together; `identityToken` (a refresh token) wins over them, `bearerToken` over both. Given, even empty, it
   * is used instead of Docker's configuration; without it that is asked.
   */
  readonly auth?: {
    readonly username?: string;
    readonly password?: string;
    readonly bearerToken?: string;
    readonly identityToken?: string;
  };
  /**
   * `host[:port][/prefix]`, asked before the registry, in order. How a mirror is spoken to, and with which credentials, is said by an entry of its
   * own host; those of this registry never reach it.
   */
  readonly mirrors?: readonly string[];
}

/** Checked settings; the secrets are out of reach of anything that prints objects. */
export interface RegistryEntry {
  readonly host: string;
  readonly transport: 'https' | 'http';
  readonly skipVerify: boolean;
  readonly search: boolean;
  /** Undefined when the settings say nothing of them. */
  readonly credentials: Credentials | undefined;
  readonly mirrors: readonly MirrorLocation[];
}

// More would only be a way to wait long.
const MAX_MIRRORS = 16;

const secret = secretText.min(1);
const settingsSchema = z.array(
  z.strictObject({
    host: z.string().refine((host) => normalizeHost(host) !== undefined, 'is not host or host:port'),
    transport: z.enum(['https', 'http']).optional(),
    skipVerify: z.boolean().optional(),
    search: z.boolean().optional(),
    auth: z
      .strictObject({
        username: secret.optional(),
        password: secret.optional(),
        bearerToken: secret.optional(),
        identityToken: secret.optional(),
      })
      .refine(
        (auth) => (auth.username === undefined) === (auth.password === undefined),
        'needs username and password together',
      )
      .optional(),
    mirrors: z
      .array(z.string().refine((text) => parseMirror(text) !== undefined, 'is not host[:port][/prefix]'))
      .max(MAX_MIRRORS)
      .optional(),
  }),
);

/**
 * Checks a user's list of registries.
 * @throws BoxliteError `invalid_argument`; `details.field` is such as `registries[0].host`. Values are not repeated in the error
 */
export function parseRegistries(registries: readonly RegistrySettings[]): ReadonlyMap<string, RegistryEntry> {
  const result = settingsSchema.safeParse(registries);
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = `registries${(issue?.path ?? []).map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')}`;
    throw invalidSettings(field, issue?.message ?? 'is not valid');
  }
  const entries = new Map<string, RegistryEntry>();
  for (const [index, settings] of result.data.entries()) {
    const host = normalizeHost(settings.host) ?? settings.host;
    if (entries.has(host)) throw invalidSettings(`registries[${index}].host`, 'is listed twice');
    entries.set(host, {
      host,
      transport: settings.transport ?? defaultTransport(host),
      skipVerify: settings.skipVerify ?? false,
      search: settings.search ?? false,
      credentials: settings.auth === undefined ? undefined : Credentials.from(settings.auth),
      mirrors: (settings.mirrors ?? []).flatMap((text) => parseMirror(text) ?? []),
    });
  }
  return entries;
}

/** The entry of a host nobody said anything about. */
export function defaultEntry(host: string): RegistryEntry {
  return {
    host,
    transport: defaultTransport(host),
    skipVerify: false,
    search: false,
    credentials: undefined,
    mirrors: [],
  };
}

/** True for names that can only mean this machine. @param hostname without port, IPv6 with or without brackets */
export function isLoopback(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || /^127(?:\.\d{1,3}){3}$/.test(bare);
}

function defaultTransport(host: string): 'https' | 'http' {
  return isLoopback(host.replace(/:\d+$/, '')) ? 'http' : 'https';
}

function invalidSettings(field: string, why: string): BoxliteError {
  return new BoxliteError('invalid_argument', `registry settings: ${field} ${why}`, {
    hint: 'a registry is { host, transport?, skipVerify?, search?, auth?, mirrors? }',
    details: { field },
  });
}
