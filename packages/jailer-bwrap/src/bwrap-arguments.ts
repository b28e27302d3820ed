import { dirname } from 'node:path';
import type { JailCommand, SandboxContext } from '@boxlite/core';
import { BLOCK_FD, DEFAULT_TMP_SIZE_BYTES, INFO_FD, NOBODY } from './bwrap-options.js';
import { type ViewRule, viewRules } from './view-rules.js';

export interface BwrapArgumentOptions {
  /** Bytes; default 64 MiB. */
  readonly tmpSizeBytes?: number;
  /** Take the right to make user namespaces away inside the view; default true. Preflight finds out whether it works here. */
  readonly disableUserns?: boolean;
}

/**
 * bubblewrap's options for one command, everything before `--`. A pure function.
 *
 * The view starts empty: no `/usr`, no `/proc`, no `/sys`, no `/etc`. It holds the granted paths under their host names, a `/dev`
 * of four devices and those asked for, and a size-limited `/tmp`. Its root is read-only. A path granted as `/proc` is a new procfs of the view's own
 * process namespace, never the host's.
 */
export function bwrapArguments(
  context: SandboxContext,
  command: JailCommand,
  options: BwrapArgumentOptions = {},
): readonly string[] {
  const rules = viewRules(context);
  return [
    ...namespaceArguments(context, options),
    ...environmentArguments(command),
    ...temporaryArguments(context, options.tmpSizeBytes ?? DEFAULT_TMP_SIZE_BYTES),
    ...rules.flatMap(mountArguments),
    ...rules.flatMap(sealArguments),
    ...['--remount-ro', '/', '--chdir', '/'],
    ...['--info-fd', String(INFO_FD), '--block-fd', String(BLOCK_FD)],
  ];
}

/** Also used by the preflight, which therefore fails where a box would. */
export function namespaceArguments(
  context: Pick<SandboxContext, 'networkEnabled' | 'runAs'>,
  options: Pick<BwrapArgumentOptions, 'disableUserns'> = {},
): readonly string[] {
  const { uid, gid } = context.runAs ?? NOBODY;
  return [
    '--unshare-user',
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(context.networkEnabled ? [] : ['--unshare-net']),
    ...(options.disableUserns === false ? [] : ['--disable-userns']),
    '--die-with-parent',
    '--new-session',
    '--as-pid-1',
    ...['--uid', String(uid), '--gid', String(gid)],
    ...['--cap-drop', 'ALL'],
    ...['--hostname', 'box'],
  ];
}

function environmentArguments(command: JailCommand): string[] {
  return ['--clearenv', ...Object.entries(command.env).flatMap(([name, value]) => ['--setenv', name, value])];
}

/** Before the grants, so that nothing here is ever made in a host directory granted as `/tmp`. */
function temporaryArguments(context: SandboxContext, tmpSizeBytes: number): string[] {
  const parents = [...new Set((context.symlinks ?? []).map((link) => dirname(link.path)))].filter(
    (parent) => parent !== '/tmp',
  );
  return [
    ...['--perms', '0700', '--size', String(tmpSizeBytes), '--tmpfs', '/tmp'],
    ...parents.flatMap((parent) => ['--perms', '0700', '--dir', parent]),
    ...(context.symlinks ?? []).flatMap(({ path, target }) => ['--symlink', target, path]),
  ];
}

/** The `-try` forms: a path that vanished since it was collected is skipped, as the contract says. */
function mountArguments(rule: ViewRule): string[] {
  switch (rule.kind) {
    case 'grant':
      if (rule.path === '/proc') return ['--proc', '/proc'];
      return [rule.writable ? '--bind-try' : '--ro-bind-try', rule.path, rule.path];
    case 'device':
      return ['--dev-bind-try', rule.path, rule.path];
    case 'mask':
      return rule.directory ? ['--tmpfs', rule.path] : ['--ro-bind', '/dev/null', rule.path];
  }
}

/** Once grants below a masked directory are in place, it becomes read-only: nobody can fill it. */
function sealArguments(rule: ViewRule): string[] {
  return rule.kind === 'mask' && rule.directory ? ['--remount-ro', rule.path] : [];
}
