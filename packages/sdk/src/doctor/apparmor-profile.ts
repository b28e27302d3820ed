import { BoxliteError } from '@boxlite/core';

/** An AppArmor profile, and how it is put in force. */
export interface ApparmorProfile {
  readonly text: string;
  /** Where it belongs; only root writes there. */
  readonly file: string;
  /** What loads it. */
  readonly command: string;
}

/**
 * The profile that lets the bubblewrap of this machine make user namespaces where AppArmor keeps ordinary users from it (Ubuntu 24.04).
 * @param searchPath where `bwrap` is looked for; default: this process's PATH
 * @throws BoxliteError `not_found` without bubblewrap; `config_error` for one that others than root can exchange; `invalid_argument` for one with an
 *   unusual path
 */
export async function apparmorProfileOfBwrap(searchPath = process.env.PATH ?? ''): Promise<ApparmorProfile> {
  const { APPARMOR_LOAD_COMMAND, APPARMOR_PROFILE_FILE, apparmorProfileFor, findBwrap } = await import(
    '@boxlite/jailer-bwrap'
  );
  const bwrap = await findBwrap(searchPath);
  if (bwrap === undefined) {
    throw new BoxliteError('not_found', 'there is no bwrap in PATH that a profile could be for', {
      hint: 'install it first: `sudo apt install bubblewrap`',
      details: { field: 'PATH' },
    });
  }
  return { text: await apparmorProfileFor(bwrap), file: APPARMOR_PROFILE_FILE, command: APPARMOR_LOAD_COMMAND };
}
