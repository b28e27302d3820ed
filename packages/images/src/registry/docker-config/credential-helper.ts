import { BoxliteError, escapeText } from '@boxlite/core';
import * as z from 'zod';
import { Credentials } from '../credentials.js';
import { secretText } from '../secret-text.js';
import { isHelperName } from './helper-name.js';
import { type HelperRun, runHelper } from './run-helper.js';

/** Long enough for a person to unlock a key ring. */
const HELPER_TIMEOUT_MS = 30_000;
/** The user name that says the secret is a refresh token (docker-credential-helpers). */
const IDENTITY_TOKEN_USER = '<token>';

const answerSchema = z.looseObject({ Username: secretText, Secret: secretText });

export interface HelperQuestion {
  /** What follows `docker-credential-` in the name of the program. */
  readonly helper: string;
  /** The registry, as the helper knows it. */
  readonly server: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds, default 30 s. */
  readonly timeoutMs?: number;
  /** Default that of this process. */
  readonly environment?: NodeJS.ProcessEnv;
}

/**
 * Asks a credential helper of Docker: `docker-credential-<name> get`, found by `PATH` and started without a shell, the registry on its standard
 * input, the answer as JSON on its standard output.
 *
 * @returns undefined when it knows nothing of the registry
 * @throws BoxliteError `config_error` when it cannot be asked or answers nonsense, without repeating what may be a secret; `aborted`
 */
export async function askCredentialHelper(question: HelperQuestion): Promise<Credentials | undefined> {
  const { helper, server, signal, timeoutMs = HELPER_TIMEOUT_MS, environment = process.env } = question;
  if (!isHelperName(helper)) throw helperError(helper, 'has no name of a program', 'correct credsStore or credHelpers');
  const program = `docker-credential-${helper}`;
  const run = await runHelper({ program, args: ['get'], input: server, timeoutMs, environment, signal });
  switch (run.ended.kind) {
    case 'timeout':
      throw helperError(
        helper,
        `has not answered within ${timeoutMs / 1000} s`,
        `try it: echo ${server} | ${program} get`,
      );
    case 'too-much':
      throw helperError(helper, 'answers without end', 'correct or replace it');
    case 'not-started':
      throw notStarted(helper, run.ended.error);
    case 'exit':
      return readAnswer(question, run, run.ended.code);
  }
}

function readAnswer({ helper, server }: HelperQuestion, run: HelperRun, code: number | null): Credentials | undefined {
  if (code !== 0) {
    if (/credentials not found/i.test(run.stdout)) return undefined;
    const how = code === null ? 'was killed' : `failed with status ${code}`;
    const said = firstLine(run.stdout) ?? firstLine(run.stderr);
    const hint = `try it: echo ${server} | docker-credential-${helper} get`;
    throw helperError(helper, said === undefined ? how : `${how}: ${said}`, hint);
  }
  const result = answerSchema.safeParse(parseJson(run.stdout));
  if (!result.success) {
    throw helperError(
      helper,
      'does not answer with { Username, Secret } in JSON',
      'update it, or correct credsStore or credHelpers',
    );
  }
  const { Username: username, Secret: secret } = result.data;
  if (secret === '') return undefined;
  return username === IDENTITY_TOKEN_USER
    ? Credentials.from({ identityToken: secret })
    : Credentials.from({ username, password: secret });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message would quote what may be a secret; the schema refuses undefined with a message that does not.
    return undefined;
  }
}

/** What the helper says went wrong. Not when it looks like an answer: that would have a secret in it. */
function firstLine(text: string): string | undefined {
  const line = text.trim().split('\n')[0]?.trim() ?? '';
  return line === '' || /[{}]|"?secret"?\s*[:=]/i.test(line) ? undefined : escapeText(line, 200);
}

function notStarted(helper: string, error: NodeJS.ErrnoException): BoxliteError {
  const missing = error.code === 'ENOENT';
  return helperError(
    helper,
    missing ? 'is not in PATH' : `cannot be started (${error.code ?? 'unknown'})`,
    `install docker-credential-${helper}, or take it out of credsStore and credHelpers`,
  );
}

function helperError(helper: string, why: string, hint: string): BoxliteError {
  const name = escapeText(helper, 80);
  return new BoxliteError('config_error', `credential helper docker-credential-${name} ${why}`, {
    hint,
    details: { helper: name },
  });
}
