import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ATTEMPT_TIMEOUT_MS = 5_000;
const MAX_OUTPUT_BYTES = 65_536;

/** What decides whether this user may make user namespaces, and whether making one worked. */
export interface UserNamespaceFacts {
  readonly uid: number;
  /** `user.max_user_namespaces`; undefined when the kernel has no such setting. */
  readonly maxUserNamespaces: number | undefined;
  /** `kernel.unprivileged_userns_clone` of Debian's and Ubuntu's kernels. */
  readonly unprivilegedUsernsClone: number | undefined;
  /** `kernel.apparmor_restrict_unprivileged_userns` of Ubuntu 23.10 and later. */
  readonly apparmorRestriction: number | undefined;
  readonly apparmorEnabled: boolean;
  /** What AppArmor confines this process by; undefined for nothing. */
  readonly apparmorProfile: string | undefined;
  /** A namespace made with a program of the host; undefined when it has none that could. */
  readonly attempt: { readonly program: string; readonly worked: boolean; readonly said: string } | undefined;
}

/** Where to look; a test gives another root. */
export interface UserNamespaceHost {
  /** Default `/`. */
  readonly root?: string;
  /** `PATH`. */
  readonly searchPath: string;
  readonly uid: number;
}

/** Reads the settings and makes a user namespace, which is gone with the program that made it. */
export async function collectUserNamespaceFacts(host: UserNamespaceHost): Promise<UserNamespaceFacts> {
  const { root = '/', searchPath, uid } = host;
  const text = async (path: string) => {
    try {
      return (await readFile(join(root, path), 'utf8')).trim();
    } catch {
      // This kernel does not have it, so it decides nothing.
      return undefined;
    }
  };
  const number = async (path: string) => {
    const read = await text(path);
    return read !== undefined && /^\d{1,12}$/.test(read) ? Number(read) : undefined;
  };
  const profile = await text('/proc/self/attr/apparmor/current');
  return {
    uid,
    maxUserNamespaces: await number('/proc/sys/user/max_user_namespaces'),
    unprivilegedUsernsClone: await number('/proc/sys/kernel/unprivileged_userns_clone'),
    apparmorRestriction: await number('/proc/sys/kernel/apparmor_restrict_unprivileged_userns'),
    apparmorEnabled: (await text('/sys/module/apparmor/parameters/enabled')) === 'Y',
    apparmorProfile: profile === undefined || profile === '' || profile === 'unconfined' ? undefined : profile,
    attempt: await attempt(searchPath),
  };
}

/** util-linux's `unshare` is on nearly every system; bubblewrap, which boxes use, may be allowed what it is not. */
async function attempt(searchPath: string): Promise<UserNamespaceFacts['attempt']> {
  const unshare = findProgram('unshare', searchPath);
  const byUnshare =
    unshare === undefined ? undefined : await tryProgram(unshare, ['--user', '--map-root-user', unshare, '--version']);
  if (byUnshare?.worked === true) return byUnshare;
  const bwrap = findProgram('bwrap', searchPath);
  return bwrap === undefined
    ? byUnshare
    : tryProgram(bwrap, ['--unshare-user', '--ro-bind', '/', '/', '--', bwrap, '--version']);
}

async function tryProgram(program: string, args: readonly string[]) {
  try {
    await run(program, [...args], { timeout: ATTEMPT_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, env: {} });
    return { program, worked: true, said: '' };
  } catch (thrown) {
    const { stderr, message } = thrown as { readonly stderr?: string; readonly message?: string };
    return { program, worked: false, said: (stderr || message || '').trim().slice(0, 300) };
  }
}

function findProgram(name: string, searchPath: string): string | undefined {
  return searchPath
    .split(delimiter)
    .filter(isAbsolute)
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        // Not there, or not for us: the next directory is asked.
        return false;
      }
    });
}
