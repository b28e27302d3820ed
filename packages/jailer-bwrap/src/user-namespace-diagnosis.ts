import { readFile } from 'node:fs/promises';
import { APPARMOR_LOAD_COMMAND, APPARMOR_PROFILE_FILE } from './apparmor-profile.js';

/** Why a view cannot be built, and what to do. */
export interface Diagnosis {
  readonly reason: string;
  readonly remedy: string;
}

/** What was tried, as far as it is known. */
export interface Attempt {
  /** What bubblewrap said. */
  readonly stderr: string;
  /** Absolute path of bwrap. */
  readonly bwrap?: string;
  /** What `bwrap --version` says, such as `bubblewrap 0.8.0`. */
  readonly version?: string | undefined;
  /** It runs with root's rights whoever starts it. */
  readonly setuid?: boolean;
  /** The user who tried; default: this process's. */
  readonly uid?: number;
}

/** Text of a file of /proc, undefined when there is none. */
export type ReadText = (file: string) => Promise<string | undefined>;

/** The first release with every option that boxes need (`--size` came last). */
const OLDEST_BWRAP = '0.7.0';
/** What Debian sets where it allows them. */
const ENOUGH_NAMESPACES = 15_000;
const NAMESPACE_KINDS = ['user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'];

const CONTAINER_REMEDY =
  'in a container, allow what builds a view: for Docker `--security-opt seccomp=unconfined --security-opt systempaths=unconfined` ' +
  '(and `--security-opt apparmor=unconfined` where AppArmor is), for Kubernetes `seccompProfile: {type: Unconfined}` and `procMount: Unmasked`';

/**
 * Names the likely cause of a failed preflight: bubblewrap itself, then settings of the kernel in the order in which they are met in the field, then
 * what is around this process.
 * @param attempt what bubblewrap said, or all that is known
 */
export async function diagnoseUserNamespaces(
  attempt: string | Attempt,
  readText: ReadText = readProc,
): Promise<Diagnosis> {
  const facts = typeof attempt === 'string' ? { stderr: attempt } : attempt;
  const isRoot = (facts.uid ?? process.geteuid?.()) === 0;
  const found =
    ofProgram(facts, isRoot) ?? (await ofKernel(readText, isRoot, facts)) ?? (await ofSurroundings(facts, readText));
  if (found !== undefined) return found;
  const said = lastLine(facts.stderr) || 'it said nothing';
  return {
    reason: `bubblewrap could not build a view: ${said}`,
    remedy: `${CONTAINER_REMEDY}; elsewhere see what \`bwrap --unshare-user --ro-bind / / true\` says`,
  };
}

function ofProgram({ stderr, bwrap = 'bwrap', version, setuid }: Attempt, isRoot: boolean): Diagnosis | undefined {
  const unknown = /Unknown option (--[a-z-]+)/.exec(stderr)?.[1];
  if (unknown !== undefined) {
    return {
      reason: `${bwrap} (${version ?? 'of unknown version'}) is too old: it does not know ${unknown}`,
      remedy: `install bubblewrap ${OLDEST_BWRAP} or newer`,
    };
  }
  if (setuid !== true || isRoot) return undefined;
  return {
    reason: `${bwrap} is set-user-id root, and refuses the options that boxes need`,
    remedy: `let the kernel make user namespaces instead: \`sudo chmod u-s ${bwrap}\`, and \`sudo sysctl -w kernel.unprivileged_userns_clone=1\` where there is such a setting`,
  };
}

async function ofKernel(readText: ReadText, isRoot: boolean, { bwrap }: Attempt): Promise<Diagnosis | undefined> {
  if ((await readText('/proc/self/uid_map')) === undefined) {
    return {
      reason: 'this kernel has no user namespaces (CONFIG_USER_NS)',
      remedy: 'boot a kernel that has them: every distribution since 2013 builds one',
    };
  }
  const is = async (file: string, value: string) => (await readText(file))?.trim() === value;
  for (const kind of NAMESPACE_KINDS) {
    if (!(await is(`/proc/sys/user/max_${kind}_namespaces`, '0'))) continue;
    return {
      reason: `no ${kind} namespace may be made here (user.max_${kind}_namespaces=0)`,
      remedy: sysctlRemedy(`user.max_${kind}_namespaces`, ENOUGH_NAMESPACES),
    };
  }
  if (isRoot) return undefined;
  if (await is('/proc/sys/kernel/unprivileged_userns_clone', '0')) {
    return {
      reason: 'user namespaces of ordinary users are switched off (kernel.unprivileged_userns_clone=0)',
      remedy: sysctlRemedy('kernel.unprivileged_userns_clone', 1),
    };
  }
  if (!(await is('/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1'))) return undefined;
  return {
    reason: 'AppArmor restricts user namespaces of ordinary users (kernel.apparmor_restrict_unprivileged_userns=1)',
    remedy:
      `give bubblewrap a profile: \`boxlite doctor --apparmor-profile | sudo tee ${APPARMOR_PROFILE_FILE}\`, then \`${APPARMOR_LOAD_COMMAND}\` (for ` +
      `${bwrap ?? 'bwrap'}; apparmorProfile() of @boxlite/jailer-bwrap gives the same text). It stays over reboots`,
  };
}

async function ofSurroundings({ stderr }: Attempt, readText: ReadText): Promise<Diagnosis | undefined> {
  if (/mount proc/i.test(stderr)) {
    return { reason: `parts of /proc are hidden from this process: ${lastLine(stderr)}`, remedy: CONTAINER_REMEDY };
  }
  const status = await readText('/proc/self/status');
  const isFiltered = /^Seccomp:\s*2$/m.test(status ?? '');
  if (!isFiltered || !/not permitted|No permissions|denied/i.test(stderr)) return undefined;
  return {
    reason: `a filter of system calls around this process, as containers have one, keeps it from making namespaces: ${lastLine(stderr)}`,
    remedy: CONTAINER_REMEDY,
  };
}

/** How a kernel setting is changed: now, and for good. */
export function sysctlRemedy(name: string, value: number): string {
  return `run \`sudo sysctl -w ${name}=${value}\`; to keep it over reboots: \`echo ${name}=${value} | sudo tee /etc/sysctl.d/60-boxlite.conf\``;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
}

async function readProc(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // The setting does not exist on this kernel, so it is not the cause.
    return undefined;
  }
}
