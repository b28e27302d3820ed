import { BoxliteError } from '@boxlite/core';

/** A text that is no policy: names the policy, the line and the reason. */
export function policyError(policy: string, line: number, reason: string, hint?: string): BoxliteError {
  return new BoxliteError('invalid_argument', `system call policy ${policy}, line ${line}: ${reason}`, {
    ...(hint === undefined ? {} : { hint }),
    details: { field: 'seccompPolicy', policy, line },
  });
}
