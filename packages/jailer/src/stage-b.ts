import type { ConfinedCommand, JailCommand, SandboxContext } from '@boxlite/core';
import { nativeBinary } from '@boxlite/platform';
import { pathIdentities } from './path-identities.js';

/** Descriptors stage B reads its data from. 3 and 4 are a forking sandbox's pid report, 7 is bubblewrap's argument list. */
export const STAGE_B_SECCOMP_FD = 5;
/** 8: {@link pathIdentities}. */
export const STAGE_B_IDENTITY_FD = 8;

/**
 * Sockets and files handed to the VMM start here (`SuperviseRequest.listeners`, `files`), and end below `INNER_NAMESPACE_FD`; stage B keeps these and
 * closes the rest.
 */
export const FIRST_LISTENER_FD = 10;

/**
 * The static helper: of this machine's platform package, or of `native/build` in a source checkout.
 * @throws BoxliteError of `nativeBinary` when there is none
 */
export function defaultStageBPath(): string {
  return nativeBinary('boxlite-stage-b');
}

export interface StageBOptions {
  readonly path: string;
  /** A program in the kernel's `struct sock_filter` form; absent: no filter. */
  readonly seccomp?: Uint8Array;
  /** The filter stops refused calls for a listener, which is handed over on this unix socket. */
  readonly syscallReportFd?: number;
  /** Supplementary groups the command keeps, as seen in its user namespace; all others are given up. */
  readonly groups?: readonly number[];
  /** A user namespace to enter before the ids are changed; the command does not inherit the descriptor. */
  readonly userNamespaceFd?: number;
}

/** The wrapped command, and the data the helper reads. */
export type StageBCommand = JailCommand & Required<Pick<ConfinedCommand, 'dataFds'>>;

/**
 * Puts stage B in front of a command: what runs inside the view and confines itself before it becomes the command.
 * A pure function; the helper's grammar is in `native/stage-b/arguments.h`.
 */
export function wrapWithStageB(context: SandboxContext, command: JailCommand, options: StageBOptions): StageBCommand {
  const args: string[] = [];
  const dataFds: { fd: number; data: Uint8Array }[] = [];
  if (context.runAs !== undefined) {
    args.push('--gid', String(context.runAs.gid), '--uid', String(context.runAs.uid));
  }
  for (const group of options.groups ?? []) args.push('--group', String(group));
  if (options.userNamespaceFd !== undefined) args.push('--user-namespace', String(options.userNamespaceFd));
  const identities = pathIdentities(context.paths);
  if (identities.length > 0) {
    args.push('--identity', String(STAGE_B_IDENTITY_FD));
    dataFds.push({ fd: STAGE_B_IDENTITY_FD, data: identities });
  }
  if (options.seccomp !== undefined) {
    args.push('--seccomp', String(STAGE_B_SECCOMP_FD));
    if (options.syscallReportFd !== undefined) args.push('--notify', String(options.syscallReportFd));
    dataFds.push({ fd: STAGE_B_SECCOMP_FD, data: options.seccomp });
  }
  // bubblewrap sets PWD; the command's environment is exactly what the caller gave.
  if (!Object.hasOwn(command.env, 'PWD')) args.push('--unset', 'PWD');
  args.push('--keep-from', String(FIRST_LISTENER_FD), '--', command.binary, ...command.args);
  return { binary: options.path, args, env: command.env, dataFds };
}
