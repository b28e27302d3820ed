/** How this host mounts control groups. Only a pure v2 hierarchy carries controllers a box can use. */
export type CgroupHierarchy =
  | { readonly kind: 'pure'; readonly root: string }
  | { readonly kind: 'hybrid'; readonly root: string }
  | { readonly kind: 'legacy' }
  | { readonly kind: 'none' };

/**
 * Reads the hierarchy from mount information.
 * @param mountinfo text of `/proc/self/mountinfo` (proc(5)): the type follows the ` - ` separator, the mount point is field 5
 */
export function cgroupHierarchy(mountinfo: string): CgroupHierarchy {
  let root: string | undefined;
  let legacy = false;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ', 2);
    const type = after?.split(' ', 1)[0];
    if (type === 'cgroup') legacy = true;
    if (type === 'cgroup2') root ??= unescapeOctal(before?.split(' ')[4] ?? '');
  }
  if (root === undefined || root === '') return { kind: legacy ? 'legacy' : 'none' };
  return { kind: legacy ? 'hybrid' : 'pure', root };
}

/**
 * This process's path in the v2 hierarchy, such as `/user.slice/user-1000.slice/session-2.scope`.
 * @param cgroup text of `/proc/self/cgroup` (cgroups(7)): the v2 line starts with `0::`
 */
export function ownCgroup(cgroup: string): string | undefined {
  return cgroup
    .split('\n')
    .find((line) => line.startsWith('0::/'))
    ?.slice('0::'.length);
}

/** mountinfo writes space, tab, newline and backslash as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_match, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
