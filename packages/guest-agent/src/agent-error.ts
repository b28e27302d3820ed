import { BoxliteError, ERROR_CODES, type ErrorCode, escapeText } from '@boxlite/core';
import type { Error as WireError } from './gen/agent_pb.js';

const HINTS: Partial<Record<ErrorCode, string>> = {
  command_not_found: 'check the spelling and the PATH of the box, or install the command in the image',
  command_not_executable: 'check its mode, its architecture, and that a script begins with #!',
  user_not_found: 'use a user of the image, or a numeric uid:gid',
  cwd_not_found: 'use a directory that exists in the box',
  resource_exhausted: 'wait for commands to end, or give the box more memory',
  unsupported: 'remove the guest rootfs so that it is made again with the agent of this version',
};

/** An error of the agent as one of ours. Its text comes from the guest: bounded and escaped; an unknown code becomes `execution_failed`. */
export function fromWireError(error: WireError, what: string): BoxliteError {
  const code = isErrorCode(error.code) ? error.code : 'execution_failed';
  const hint = HINTS[code];
  return new BoxliteError(code, `${what}: ${escapeText(error.message, 512)}`, {
    ...(hint === undefined ? {} : { hint }),
    details: {
      ...(error.field === '' ? {} : { field: escapeText(error.field, 64) }),
      ...(error.errnoValue === 0 ? {} : { errno: error.errnoValue }),
    },
  });
}

function isErrorCode(text: string): text is ErrorCode {
  return (ERROR_CODES as readonly string[]).includes(text);
}
