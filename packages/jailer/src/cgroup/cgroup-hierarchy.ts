/** How this host mounts control groups. Only a pure v2 hierarchy carries controllers a box can use. */
export type CgroupHierarchy =
  | {
      readonly kind: 'pure' | 'hybrid';
      /** Where it is mounted. */
      readonly root: string;
      /** The group that is seen there; `/` unless a container shows a part of the host's hierarchy. */
      readonly mountedGroup: string;
    }
  | { readonly kind: 'legacy' }
  | { readonly kind: 'none' };

/**
 * Reads the hierarchy from mount information.
 * @param mountinfo text of `/proc/self/mountinfo` (proc(5)): the type follows the ` - ` separator, field 4 is the part that is mounted, field 5
 *   where
 */
export function cgroupHierarchy(mountinfo: string): CgroupHierarchy {
  let found: { readonly root: string; readonly mountedGroup: string } | undefined;
  let legacy = false;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ', 2);
    const type = after?.split(' ', 1)[0];
    if (type === 'cgroup') legacy = true;
    if (type !== 'cgroup2' || found !== undefined) continue;
    const [, , , mountedGroup = '/', root = ''] = before?.split(' ') ?? [];
    found = { root: unescapeOctal(root), mountedGroup: unescapeOctal(mountedGroup) };
  }
  if (found === undefined || found.root === '') return { kind: legacy ? 'legacy' : 'none' };
  return { kind: legacy ? 'hybrid' : 'pure', ...found };
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
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_match, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
