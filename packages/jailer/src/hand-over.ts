import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { type ConfinedCommand, errnoOf, type SandboxContext, toBoxliteError } from '@boxlite/core';
import { nativeBinary } from '@boxlite/platform';

/** A user and a group of this host that nobody else is. */
export interface HostUser {
  readonly uid: number;
  readonly gid: number;
}

/** Where the helper reads paths, and leaves the user namespace for the sandbox. 8 and below are taken by sandboxes and stage B. */
export const HAND_OVER_FD = 9;
/** The helper makes a few mounts; one that takes this long hangs. */
const CHECK_TIMEOUT_MS = 10_000;
const STDERR_LIMIT = 4096;
/** Numbers for host root and for groups inside the namespace: any but those of the command. Below nobody's, which the kernel shows for unknown ids. */
const INSIDE_IDS = [65533, 65532, 65531, 65530, 65529, 65528, 65527, 65526];

/** How a command becomes another user of the host than the root that starts it. */
export interface HandOver {
  readonly context: SandboxContext;
  /** Supplementary groups the command keeps, as numbered inside. */
  readonly groups: readonly number[];
  /** Puts the helper in front of what the sandbox has made. */
  wrap(command: ConfinedCommand): ConfinedCommand;
}

export interface HandOverPlan {
  readonly args: readonly string[];
  readonly paths: Uint8Array;
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
  const paths = context.paths
    // A procfs of the view itself, nothing of the host's.
    .filter(({ path }) => path !== '/proc')
    .map(({ path, writable }) => `${writable ? 'w' : 'r'}${path}\0`);
  return {
    args: [
      ...['--outside', String(outside), '--uid', `${ids.uid}:${user.uid}`, '--gid', `${ids.gid}:${user.gid}`],
      ...groups.flatMap(({ host, inside }) => ['--group', `${inside}:${host}`]),
      ...['--userns', String(HAND_OVER_FD), '--paths', String(HAND_OVER_FD)],
    ],
    paths: new TextEncoder().encode(paths.join('')),
    groups: groups.flatMap(({ inside }) => inside ?? []),
  };
}

/**
 * Finds out whether a command can be run as a host user of its own, and how. Needs root.
 * @returns or the reason why not, for people
 */
export async function prepareHandOver(
  context: SandboxContext,
  user: HostUser,
): Promise<HandOver | { readonly reason: string }> {
  const found = await deviceGroups(context.devices ?? []);
  if ('reason' in found) return found;
  const helper = helperPath();
  if ('reason' in helper) return helper;
  const { args, paths, groups } = planHandOver(context, user, found.groups);
  const reason = await check(helper.path, args, paths);
  if (reason !== undefined) return { reason };
  return {
    context: { ...context, userNamespace: { fd: HAND_OVER_FD } },
    groups,
    wrap: (command) => ({
      ...command,
      binary: helper.path,
      args: [...args, '--', command.binary, ...command.args],
      dataFds: [...(command.dataFds ?? []), { fd: HAND_OVER_FD, data: paths }],
    }),
  };
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

function helperPath(): { readonly path: string } | { readonly reason: string } {
  try {
    return { path: nativeBinary('boxlite-hand-over') };
  } catch (thrown) {
    return { reason: toBoxliteError(thrown, 'internal', 'looking for the hand-over helper').message };
  }
}

/** Has the helper make everything but the command. Mounts and namespaces end with it. */
function check(helper: string, args: readonly string[], paths: Uint8Array): Promise<string | undefined> {
  return new Promise((resolve) => {
    const stdio = Array.from({ length: HAND_OVER_FD + 1 }, (_unused, fd): 'ignore' | 'pipe' =>
      fd === 2 || fd === HAND_OVER_FD ? 'pipe' : 'ignore',
    );
    const child = spawn(helper, [...args, '--check'], {
      env: {},
      cwd: '/',
      stdio,
      timeout: CHECK_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      if (stderr.length < STDERR_LIMIT) stderr += chunk.toString('utf8');
    });
    const streams: readonly unknown[] = child.stdio;
    const input = streams[HAND_OVER_FD] as Writable | null;
    // The helper may end before it has read everything; its status says why.
    input?.on('error', () => undefined);
    input?.end(paths);
    child.on('error', ({ message }) => resolve(message));
    child.on('close', (code, signal) =>
      resolve(code === 0 ? undefined : stderr.trim() || `the helper ended with ${signal ?? `status ${code}`}`),
    );
  });
}
