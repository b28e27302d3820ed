import { getSystemErrorName } from 'node:util';
import { BoxliteError, type ErrorCode, escapeText } from '@boxlite/core';

/** What the supervisor tells its launcher, once. */
export type LaunchStatus =
  | { readonly event: 'started' }
  | {
      readonly event: 'failed';
      readonly step: string;
      /** An errno, or 0. */
      readonly errno: number;
      readonly message: string;
      readonly stderr: string;
    };

/** Steps that concern the supervised command; the others are the supervisor's own. */
const VMM_STEPS = new Set([
  'process-group',
  'parent-death',
  'cgroup',
  'descriptors',
  'file',
  'rlimits',
  'signals',
  'hold',
  'exec',
  'sandbox',
  'start',
  'release',
  'identity',
  'timeout',
]);

const HINTS: Readonly<Record<string, string>> = {
  exec: 'check that the program exists, is executable, and is built for this machine',
  sandbox: 'the end of stderr in the details says what the sandbox refused',
  cgroup: 'check that the cgroup of the box still exists and belongs to this user',
  'api-socket': 'only one supervisor runs a box: stop the running one first',
  config: 'the program and this package are of different versions: build the native part again',
};

/** @returns undefined when the line is not a status */
export function parseStatusLine(line: string): LaunchStatus | undefined {
  try {
    const { event, step, errno, message, stderr } = JSON.parse(line) as Record<string, unknown>;
    if (event === 'started') return { event };
    if (event !== 'failed' || typeof step !== 'string' || typeof errno !== 'number') return undefined;
    if (typeof message !== 'string' || typeof stderr !== 'string') return undefined;
    return { event, step, errno, message, stderr };
  } catch {
    // An unfinished line of a supervisor that was killed; the caller reports its end instead.
    return undefined;
  }
}

/** The error of a start that failed at a named step. */
export function launchFailure(boxId: string, status: Extract<LaunchStatus, { event: 'failed' }>): BoxliteError {
  const stderrTail = escapeText(status.stderr);
  const reason = escapeText(status.message) + (stderrTail === '' ? '' : `: ${lastLine(stderrTail)}`);
  const hint = HINTS[status.step];
  return new BoxliteError(
    codeOf(status.step),
    `box ${boxId} could not be started: step "${status.step}" failed: ${reason}`,
    {
      ...(hint === undefined ? {} : { hint }),
      details: {
        boxId,
        step: status.step,
        errno: status.errno,
        ...(status.errno > 0 ? { errnoName: getSystemErrorName(-status.errno) } : {}),
        stderrTail,
      },
    },
  );
}

function codeOf(step: string): ErrorCode {
  if (step === 'aborted') return 'aborted';
  return VMM_STEPS.has(step) ? 'vmm_failed' : 'supervisor_failed';
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
