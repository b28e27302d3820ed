import { BoxliteError, type BoxRecord } from '@boxlite/core';
import { parseBoxOptions } from '../options/box-options.js';

/**
 * The argument list of a box's own command. An entrypoint given for the box drops the image's CMD, as with Docker.
 * @throws BoxliteError `invalid_argument` when there is none
 */
export function mainCommand({ config, state }: BoxRecord): readonly [string, ...string[]] {
  const options = parseBoxOptions(config.options);
  const image = state.image?.config;
  const entrypoint = options.entrypoint ?? image?.entrypoint ?? [];
  const cmd = options.cmd ?? (options.entrypoint === undefined ? (image?.cmd ?? []) : []);
  const [command, ...args] = [...entrypoint, ...cmd];
  if (command === undefined) {
    throw new BoxliteError('invalid_argument', `box ${config.name ?? config.id} has no command: its image names none`, {
      hint: 'give a command after the image',
      details: { field: 'cmd' },
    });
  }
  return [command, ...args];
}
