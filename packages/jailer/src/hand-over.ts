import { statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type ConfinedCommand, errnoOf, type Sandbox, type SandboxContext } from '@boxlite/core';
import { unescapeOctal } from './cgroup/cgroup-hierarchy.js';
import { readOrEmpty } from './cgroup/read-or-empty.js';
import { checkHelper, HAND_OVER_FD, handOverHelper, INNER_NAMESPACE_FD, wrapWithHelper } from './hand-over-helper.js';

/** A user and a group of this host that nobody else is. */
export interface HostUser {
  readonly uid: number;
  readonly gid: number;
}

/** Numbers for host root and for groups inside the namespace: any but those of the command. Below nobody's, which the kernel shows for unknown ids. */
const INSIDE_IDS = [65533, 65532, 65531, 65530, 65529, 65528, 65527, 65526];

/** How a command becomes another user of the host than the root that starts it. */
export interface HandOver {
  readonly context: SandboxContext;
  /** Supplementary groups the command keeps, as numbered inside. */
  readonly groups: readonly number[];
  /** Where the command finds the namespace it becomes a user of. */
  readonly innerFd: number;
  /** Puts the helper in front of what the sandbox has made. */
  wrap(command: ConfinedCommand): ConfinedCommand;
}

export interface HandOverPlan {
  readonly args: readonly string[];
  readonly groups: readonly number[];
}

/**
 * What the helper is told: a namespace with the command's ids, host root under another number, and the groups of devices. A pure function; the grammar
 * is in `native/hand-over/plan.h`.
 * @param deviceGroups groups of the host that may use the granted devices
 */
export function planHandOver(context: SandboxContext, user: HostUser, deviceGroups: readonly number[]): HandOverPlan {
  const ids = context.runAs ?? { uid: 65534, gid: 65534 };
  const [outside, ...rest] = INSIDE_IDS.filter((id) => id !== ids.uid && id !== ids.gid);
  const groups = deviceGroups.map((host, index) => ({ host, inside: rest[index] }));
  return {
    args: [
      ...[
        '--view',
        String(HAND_OVER_FD),
        '--outside',
        String(outside),
        '--uid',
        `${ids.uid}:${user.uid}`,
        '--gid',
        `${ids.gid}:${user.gid}`,
      ],
      ...groups.flatMap(({ host, inside }) => ['--group', `${inside}:${host}`]),
      ...['--userns', String(HAND_OVER_FD), '--inner', String(INNER_NAMESPACE_FD)],
    ],
    groups: groups.flatMap(({ inside }) => inside ?? []),
  };
}

/** File systems on which the helper has been seen to work, each set as one text: what a second box of this process stands on is not tried again. */
const tried = new Set<string>();

/**
 * Finds out whether a command can be run as a host user of its own, and how. Needs root.
 * @param sandbox one that joins a user namespace and takes a view
 * @returns or the reason why not, for people
 */
export async function prepareHandOver(
  sandbox: Sandbox,
  context: SandboxContext,
  user: HostUser,
): Promise<HandOver | { readonly reason: string }> {
  const found = await deviceGroups(context.devices ?? []);
  if ('reason' in found) return found;
  const helper = handOverHelper();
  if ('reason' in helper) return helper;
  const { args, groups } = planHandOver(context, user, found.groups);
  const handed = {
    ...context,
    userNamespace: { fd: HAND_OVER_FD },
    viewTree: { fd: HAND_OVER_FD },
  };
  const place = fileSystemsOf(context);
  if (!tried.has(place)) {
    const reason = await checkHelper(helper.path, args, recordsOf(sandbox, handed));
    if (reason !== undefined) return { reason };
    tried.add(place);
  }
  return {
    context: handed,
    groups,
    innerFd: INNER_NAMESPACE_FD,
    wrap: (command) => wrapWithHelper(helper.path, args, command),
  };
}

/** What the sandbox will leave for the helper, whatever the command. */
function recordsOf(sandbox: Sandbox, context: SandboxContext): Uint8Array {
  const { dataFds = [] } = sandbox.apply(context, { binary: '/', args: [], env: {} });
  return dataFds.find(({ fd }) => fd === HAND_OVER_FD)?.data ?? new Uint8Array();
}

/** Whether ids can be translated is a matter of the file systems, those mounted below a granted directory included. */
function fileSystemsOf({ paths }: SandboxContext): string {
  const devices = paths.map(({ path }) => statSync(path, { throwIfNoEntry: false })?.dev);
  return [...new Set([...devices, ...mountsBelow(paths)])].sort().join(' ');
}

/** Of proc(5)'s mountinfo the number of the mount, which no other has while it lasts, and its point. */
function mountsBelow(paths: SandboxContext['paths']): readonly string[] {
  const mounts = readOrEmpty('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' '))
    .map(([id, , , , point = '']) => ({ id: `mount ${id}`, point: unescapeOctal(point) }));
  return mounts.filter(({ point }) => paths.some(({ path }) => point.startsWith(`${path}/`))).map(({ id }) => id);
}

/** The groups somebody must be in to use devices that are not everybody's. One that is root's alone has none. */
async function deviceGroups(
  devices: readonly string[],
): Promise<{ readonly groups: readonly number[] } | { readonly reason: string }> {
  const groups = new Set<number>();
  for (const device of devices) {
    try {
      const { mode, gid } = await stat(device);
      if ((mode & 0o006) === 0o006) continue;
      if ((mode & 0o060) !== 0o060 || gid === 0) return { reason: `${device} may be used by root alone` };
      groups.add(gid);
    } catch (thrown) {
      // One that vanished is not granted either.
      if (errnoOf(thrown) !== 'ENOENT') return { reason: `${device} cannot be examined (${errnoOf(thrown)})` };
    }
  }
  return { groups: [...groups].sort((a, b) => a - b) };
}
