import { readFile } from 'node:fs/promises';

/** Why user namespaces do not work, and what to do. */
export interface Diagnosis {
  readonly reason: string;
  readonly remedy: string;
}

interface KnownCause {
  readonly file: string;
  readonly value: string;
  readonly reason: string;
  readonly remedy: string;
}

/** Kernel settings that forbid user namespaces to ordinary users, in the order they are met in the field. */
const KNOWN_CAUSES: readonly KnownCause[] = [
  {
    file: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    value: '1',
    reason: 'AppArmor restricts unprivileged user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)',
    remedy:
      'install an AppArmor profile that grants userns to bwrap (Ubuntu 25.04 and later ship one in apparmor-profiles), ' +
      'or run `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`',
  },
  {
    file: '/proc/sys/kernel/unprivileged_userns_clone',
    value: '0',
    reason: 'unprivileged user namespaces are switched off (kernel.unprivileged_userns_clone=0)',
    remedy: 'run `sudo sysctl kernel.unprivileged_userns_clone=1`',
  },
  {
    file: '/proc/sys/user/max_user_namespaces',
    value: '0',
    reason: 'no user namespace may be created (user.max_user_namespaces=0)',
    remedy: 'run `sudo sysctl user.max_user_namespaces=15000`',
  },
];

/**
 * Names the likely cause of a failed preflight.
 * @param stderr what bubblewrap said
 * @param readSetting text of a /proc/sys file, undefined when there is none
 */
export async function diagnoseUserNamespaces(
  stderr: string,
  readSetting: (file: string) => Promise<string | undefined> = readSysctl,
): Promise<Diagnosis> {
  for (const { file, value, reason, remedy } of KNOWN_CAUSES) {
    if ((await readSetting(file))?.trim() === value) return { reason, remedy };
  }
  const said = stderr.trim().split('\n').at(-1)?.slice(0, 300) || 'it said nothing';
  return {
    reason: `bubblewrap could not build a view: ${said}`,
    remedy:
      'inside a container, allow the unshare and clone system calls (for Docker: --security-opt seccomp=unconfined ' +
      '--security-opt systempaths=unconfined); elsewhere see `bwrap --unshare-user --ro-bind / / true`',
  };
}

async function readSysctl(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    // The setting does not exist on this kernel, so it is not the cause.
    return undefined;
  }
}
