import { BoxliteError } from '@boxlite/core';
import type { BoxOptions } from '@boxlite/sdk';
import { parseLimits } from './parse-limit.js';
import { parseWholeNumber } from './parse-numbers.js';

type Security = NonNullable<BoxOptions['security']>;

/** What commander leaves of the options about the jail; its choices are checked already. */
export interface SecurityFlags {
  readonly jailer?: Security['jailer'];
  readonly security?: 'enable' | 'disable';
  readonly seccomp?: Security['seccomp'];
  readonly limit?: readonly string[];
  readonly pidsLimit?: string;
}

/**
 * The flags as the box option `security`; nothing where none was given. `--security` is BoxLite's word: `enable` is every layer and `disable`
 * none.
 * @throws BoxliteError `invalid_argument` naming the flag
 */
export function securityOptions(flags: SecurityFlags): Pick<BoxOptions, 'security'> {
  const security: Security = {
    ...modesOf(flags),
    ...parseLimits(flags.limit ?? []),
    ...(flags.pidsLimit === undefined ? {} : { maxProcesses: parseWholeNumber('pids-limit', flags.pidsLimit) }),
  };
  return Object.keys(security).length === 0 ? {} : { security };
}

function modesOf({ jailer, security, seccomp }: SecurityFlags): Pick<Security, 'jailer' | 'seccomp'> {
  if (security !== undefined) {
    if (jailer !== undefined && (jailer === 'off') !== (security === 'disable')) {
      throw contradiction('jailer', `--jailer ${jailer} and --security ${security}`);
    }
    if (seccomp !== undefined && (seccomp === 'off') !== (security === 'disable')) {
      throw contradiction('seccomp', `--seccomp ${seccomp} and --security ${security}`);
    }
  }
  const mode = jailer ?? (security === 'disable' ? 'off' : security === 'enable' ? 'required' : undefined);
  return { ...(mode === undefined ? {} : { jailer: mode }), ...(seccomp === undefined ? {} : { seccomp }) };
}

function contradiction(field: string, what: string): BoxliteError {
  return new BoxliteError('invalid_argument', `${what} contradict each other`, {
    hint: 'leave out one of them',
    details: { field },
  });
}
