import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { cgroupHierarchy, ownCgroup } from './cgroup-hierarchy.js';
import { readOrEmpty } from './read-or-empty.js';

/** Where groups of boxes are made. */
export type CgroupBase =
  | {
      readonly directory: string;
      /** Why it passes no controllers on: its groups can be ended as a whole, and hold no limits. Absent: it does. */
      readonly withoutLimits?: string;
    }
  | { readonly directory?: undefined; readonly reason: string };

export interface CgroupBaseFacts {
  /** Text of `/proc/self/mountinfo`. */
  readonly mountinfo: string;
  /** Text of `/proc/self/cgroup`. */
  readonly cgroup: string;
  readonly isWritable: (path: string) => boolean;
}

/**
 * The highest group above this process that this user may make groups in and move processes below: for root the root, for the user of a systemd
 * session his service manager's, elsewhere what somebody delegated by hand. A process may be moved between two groups by who may write to the
 * `cgroup.procs` of their nearest common ancestor (cgroups(7)), so it has to be above this process.
 *
 * Groups that hold processes pass no controllers on (cgroups(7), "no internal processes"), the real root excepted. One that does is passed over for
 * the next below it. Where there is nothing else, its groups come without limits: whoever's processes these are, moving them away is not
 * for this library to do.
 */
export function findCgroupBase({ mountinfo, cgroup, isWritable }: CgroupBaseFacts): CgroupBase {
  const hierarchy = cgroupHierarchy(mountinfo);
  if (hierarchy.kind === 'none') return { reason: 'no cgroup v2 hierarchy is mounted' };
  if (hierarchy.kind === 'hybrid' || hierarchy.kind === 'legacy') {
    return { reason: `this host mounts cgroup v1 controllers (${hierarchy.kind} set-up), which boxes do not use` };
  }
  const own = ownCgroup(cgroup);
  if (own === undefined) return { reason: 'this process is in no cgroup v2 group' };
  const names = namesBelow(hierarchy.mountedGroup, own);
  if (names === undefined) return { reason: `the group of this process, ${own}, is not mounted here` };
  let crowded: string | undefined;
  for (let depth = 0; depth <= names.length; depth++) {
    const directory = join(hierarchy.root, ...names.slice(0, depth));
    if (!isDelegated(directory, isWritable)) continue;
    if (!holdsProcesses(directory)) return { directory };
    crowded ??= directory;
  }
  if (crowded === undefined) {
    return {
      reason: `no group above this process (it is in ${own}) is delegated to this user; start it with "systemd-run --user --scope -p Delegate=yes …"`,
    };
  }
  return { directory: crowded, withoutLimits: explainCrowded(crowded) };
}

/** The path from the mounted group down to the process's own; undefined when it lies elsewhere. */
function namesBelow(mountedGroup: string, own: string): readonly string[] | undefined {
  const prefix = mountedGroup === '/' ? '' : mountedGroup;
  if (own !== prefix && !own.startsWith(`${prefix}/`)) return undefined;
  const names = own.slice(prefix.length).split('/').filter(Boolean);
  // Outside the process's cgroup namespace, the path leads up (cgroup_namespaces(7)).
  return names.includes('..') ? undefined : names;
}

function isDelegated(directory: string, isWritable: (path: string) => boolean): boolean {
  return [directory, join(directory, 'cgroup.procs'), join(directory, 'cgroup.subtree_control')].every(isWritable);
}

/** Whether processes in it keep controllers from its children. The real root has no type, and no such rule. */
function holdsProcesses(directory: string): boolean {
  if (!existsSync(join(directory, 'cgroup.type'))) return false;
  if (readOrEmpty(join(directory, 'cgroup.type')).trim() !== 'domain') return true;
  return readOrEmpty(join(directory, 'cgroup.procs')).trim() !== '';
}

function explainCrowded(directory: string): string {
  return (
    `${directory} is delegated to this user but holds processes itself, so the kernel passes no controllers on to groups in it; start this program ` +
    `in a group below it: DelegateSubgroup= in its systemd unit, or "mkdir ${directory}/main && echo $$ > ${directory}/main/cgroup.procs" before`
  );
}
