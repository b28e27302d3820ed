import { homedir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError, errnoOf, escapeText } from '@boxlite/core';
import { openRegularFile } from '../../blobs/open-regular-file.js';
import type { CredentialSource } from '../credential-source.js';
import { Credentials } from '../credentials.js';
import { askCredentialHelper } from './credential-helper.js';
import { type DockerConfig, helperFor, parseDockerConfig, storedCredentials } from './docker-config.js';

/** Real ones have some kilobytes. */
const MAX_CONFIG_BYTES = 1024 * 1024;

export interface DockerCredentialsOptions {
  /** A file like Docker's `config.json`; it must be there. Default `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`, if there. */
  readonly file?: string;
  /** Default that of this process. */
  readonly environment?: NodeJS.ProcessEnv;
  /** How long a credential helper may take, milliseconds; default 30 s. */
  readonly helperTimeoutMs?: number;
}

/**
 * Credentials as Docker would find them: a credential helper for the registry, else the one for all, and what is in the file itself when there is
 * none or it knows nothing. Read anew each time, so that `docker login` works while a program runs.
 */
export function dockerCredentials(options: DockerCredentialsOptions = {}): CredentialSource {
  const { environment = process.env, helperTimeoutMs } = options;
  return async ({ host, repository, signal }) => {
    try {
      const config = await readDockerConfig(options.file, environment);
      if (config === undefined) return { credentials: Credentials.anonymous };
      const asked = helperFor(config, host, repository);
      const timeout = helperTimeoutMs === undefined ? {} : { timeoutMs: helperTimeoutMs };
      const told =
        asked === undefined ? undefined : await askCredentialHelper({ ...asked, ...timeout, environment, signal });
      if (told !== undefined)
        return { credentials: told, origin: `credential helper docker-credential-${asked?.helper}` };
      const stored = storedCredentials(config, host, repository);
      return stored === undefined
        ? { credentials: Credentials.anonymous }
        : { credentials: stored, origin: config.name };
    } catch (thrown) {
      if (!BoxliteError.isInstance(thrown, 'config_error')) throw thrown;
      return { credentials: Credentials.anonymous, problem: thrown };
    }
  };
}

async function readDockerConfig(
  named: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<DockerConfig | undefined> {
  const file = named ?? defaultFile(environment);
  const bytes = await readConfigFile(file);
  if (bytes !== undefined) return parseDockerConfig(bytes, escapeText(file));
  if (named === undefined) return undefined;
  throw unreadable(file, 'it does not exist');
}

function defaultFile({ DOCKER_CONFIG: directory = '', HOME: home = '' }: NodeJS.ProcessEnv): string {
  return join(directory === '' ? join(home === '' ? homedir() : home, '.docker') : directory, 'config.json');
}

/** Through links, because people keep their configuration in a repository; but no device, and no more than a bound. */
async function readConfigFile(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await openRegularFile(path, 'Docker configuration', { followLink: true });
    if (file === undefined) return undefined;
    try {
      const buffer = Buffer.allocUnsafe(MAX_CONFIG_BYTES + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.handle.read(buffer, length, buffer.length - length, length);
        length += bytesRead;
        if (length > MAX_CONFIG_BYTES) throw unreadable(path, `it is larger than ${MAX_CONFIG_BYTES} bytes`);
        if (bytesRead === 0) return buffer.subarray(0, length);
      }
    } finally {
      await file.handle.close();
    }
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'config_error')) throw thrown;
    const reason = BoxliteError.isInstance(thrown, 'image_invalid')
      ? 'it is no regular file'
      : (errnoOf(thrown) ?? errnoOf((thrown as { cause?: unknown }).cause) ?? 'unknown reason');
    throw unreadable(path, reason, thrown);
  }
}

function unreadable(path: string, why: string, cause?: unknown): BoxliteError {
  return new BoxliteError('config_error', `Docker's configuration ${escapeText(path)} cannot be read: ${why}`, {
    hint: 'correct its permissions or DOCKER_CONFIG, or turn it off (dockerConfig: false)',
    details: { path },
    cause,
  });
}
