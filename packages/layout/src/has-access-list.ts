import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** Of `-rw-rw-r--+`: type and nine permissions, then the mark (ls of GNU coreutils, "alternate access method"). */
const MARK_AT = 10;
const TIMEOUT_MS = 5000;

/**
 * Whether a POSIX access list names further users or groups of a file, which its mode does not show. Node reads no extended attributes; `ls` shows that there
 * is one. Only worth asking where the mode has the group's write bit: with a list that bit is its mask, and nobody named in it may write without
 * (acl(5)).
 * @returns false also where it cannot be told: another `ls` than GNU's, which marks none
 */
export async function hasAccessList(path: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  try {
    const { stdout } = await run('ls', ['-ld', '--', path], {
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
      timeout: TIMEOUT_MS,
    });
    return stdout[MARK_AT] === '+';
  } catch {
    return false; // No such program: the mode is all there is to go by.
  }
}
