import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BoxliteError, toBoxliteError } from '@boxlite/core';

/** Where the profile belongs: only root writes there. One in a home could be exchanged before root loads it. */
export const APPARMOR_PROFILE_FILE = '/etc/apparmor.d/boxlite-bwrap';
/** What makes the kernel know it, after every change. */
export const APPARMOR_LOAD_COMMAND = `sudo apparmor_parser -r ${APPARMOR_PROFILE_FILE}`;

/** Letters of paths that mean themselves in a profile (apparmor.d(5)); others are patterns or end the name. */
const PLAIN_PATH = /^(\/[A-Za-z0-9._+-]+)+$/;

/**
 * An AppArmor profile that lets one program make user namespaces, and takes nothing from it (`unconfined`): what Ubuntu 24.04 asks of programs that
 * build sandboxes. A pure function.
 * @param bwrap absolute path of the program itself, with no link in it: profiles are for the file, not for its names
 * @throws BoxliteError `invalid_argument` (field `bwrapPath`) for a path with characters that a profile takes for patterns
 */
export function apparmorProfile(bwrap: string): string {
  if (!PLAIN_PATH.test(bwrap)) {
    throw new BoxliteError('invalid_argument', `no AppArmor profile can be written for ${JSON.stringify(bwrap)}`, {
      hint: 'use a bwrap whose path holds only letters, digits and ".", "_", "+", "-", such as /usr/bin/bwrap',
      details: { field: 'bwrapPath' },
    });
  }
  return `# Lets bubblewrap make the user namespaces that BoxLite jails its virtual machines in.
# Ordinary users may not make any where kernel.apparmor_restrict_unprivileged_userns is 1.
# To go to ${APPARMOR_PROFILE_FILE}; loaded by: ${APPARMOR_LOAD_COMMAND}

abi <abi/4.0>,
include <tunables/global>

profile boxlite-bwrap "${bwrap}" flags=(unconfined) {
  userns,

  include if exists <local/boxlite-bwrap>
}
`;
}

/**
 * The profile for a bwrap of this machine. Refused for one that anybody but root can exchange: whatever took its place would have the right, too.
 * @param bwrap absolute path, which may be a link
 * @throws BoxliteError `invalid_argument` as {@link apparmorProfile}; `config_error` (details.path) for a program or a directory above it that others
 *   than root can write; `storage_error` when it cannot be examined
 */
export async function apparmorProfileFor(bwrap: string): Promise<string> {
  const program = await examined(bwrap, () => realpath(bwrap));
  for (let path = program; ; path = dirname(path)) {
    const { uid, mode } = await examined(path, () => stat(path));
    if (uid !== 0 || (mode & 0o022) !== 0) {
      throw new BoxliteError(
        'config_error',
        `${program} is no program to give rights to: others than root can change ${path}`,
        {
          hint: 'install bubblewrap for the whole system: `sudo apt install bubblewrap`',
          details: { field: 'bwrapPath', path },
        },
      );
    }
    if (path === '/') return apparmorProfile(program);
  }
}

async function examined<Result>(path: string, look: () => Promise<Result>): Promise<Result> {
  try {
    return await look();
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `looking at ${path}`);
  }
}
