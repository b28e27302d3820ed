import { BoxliteError, type BoxRecord } from '@boxlite/core';
import { parseBoxOptions } from '../options/box-options.js';
import type { ResolvedExecOptions } from './exec-options.js';

/**
 * The agent's refusal of a command in the caller's terms: it knows neither where a user or directory came from nor what our options are
 * called.
 * @param command what was to run
 * @param options of the command; what they leave out came from the box or its image
 * @returns anything else as it is
 */
export function explainFailure(
  thrown: unknown,
  command: string,
  options: ResolvedExecOptions,
  { config, state }: BoxRecord,
): unknown {
  if (!BoxliteError.isInstance(thrown)) return thrown;
  const box = parseBoxOptions(config.options);
  const explained = (field: string, message: string, hint = thrown.hint): BoxliteError =>
    new BoxliteError(thrown.code, message, {
      ...(hint === undefined ? {} : { hint }),
      cause: thrown,
      details: { ...thrown.details, field },
    });
  if (thrown.code === 'user_not_found') {
    const user = options.user ?? box.user ?? state.image?.config.user ?? '';
    return explained('user', `user ${JSON.stringify(user)} cannot run ${thrown.message}`);
  }
  if (thrown.code === 'cwd_not_found') {
    const cwd = options.cwd ?? box.workingDir ?? state.image?.config.workingDir ?? '';
    return explained('cwd', `directory ${JSON.stringify(cwd)} cannot be used to run ${thrown.message}`);
  }
  if (thrown.details.field !== 'argv') return thrown;
  const message = thrown.message.length > 512 ? `${thrown.message.slice(0, 512)}…` : thrown.message;
  return explained(
    'command',
    message,
    thrown.hint ?? `look at the arguments of ${JSON.stringify(command.slice(0, 64))}; pass long data on stdin`,
  );
}
