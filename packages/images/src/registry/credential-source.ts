import type { BoxliteError } from '@boxlite/core';
import type { Credentials } from './credentials.js';

/** What is known of who asks a registry. */
export interface FoundCredentials {
  readonly credentials: Credentials;
  /** Where they come from, in words, unless the user gave them here. */
  readonly origin?: string;
  /** Why there may be others that could not be read. A public image needs none, so this alone fails nothing. */
  readonly problem?: BoxliteError;
}

/** Where credentials come from. */
export interface WantedCredentials {
  /** `host[:port]`, normalized. */
  readonly host: string;
  readonly repository: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds the credentials of a registry, anew whenever it asks for some: those of helpers expire.
 * @throws BoxliteError `aborted`, nothing else
 */
export type CredentialSource = (wanted: WantedCredentials) => Promise<FoundCredentials>;
