import { dirname } from 'node:path';
import type { JailCommand, SandboxContext } from '@boxlite/core';
import { BLOCK_FD, DEFAULT_TMP_SIZE_BYTES, INFO_FD, NOBODY, VIEW_TREE_PLACE } from './bwrap-options.js';
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
  return [
    ...namespaceArguments(context, options),
    ...environmentArguments(command),
    ...(context.viewTree === undefined ? viewArguments(context, options) : treeArguments(context)),
    ...['--chdir', '/'],
    ...['--info-fd', String(INFO_FD), '--block-fd', String(BLOCK_FD)],
  ];
}

/** The view built by bubblewrap, mount by mount. */
function viewArguments(context: SandboxContext, options: BwrapArgumentOptions): string[] {
  const rules = viewRules(context);
  const size = options.tmpSizeBytes ?? DEFAULT_TMP_SIZE_BYTES;
  return [
    ...['--perms', context.userNamespace === undefined ? '0700' : '1777', '--size', String(size), '--tmpfs', '/tmp'],
    ...linkArguments(context),
    ...withParents(rules),
    ...rules.flatMap(sealArguments),
    ...['--remount-ro', '/'],
  ];
}

/** The view as the tree that lies ready; a procfs belongs to the view's processes and can only be made here. */
function treeArguments(context: SandboxContext): string[] {
  return [
    ...['--dev-bind', VIEW_TREE_PLACE, '/'],
    ...linkArguments(context),
    ...(context.paths.some(({ path }) => path === '/proc') ? ['--proc', '/proc'] : []),
  ];
}

/** Also used by the preflight, which therefore fails where a box would. */
export function namespaceArguments(
  context: Pick<SandboxContext, 'networkEnabled' | 'runAs' | 'userNamespace'>,
  options: Pick<BwrapArgumentOptions, 'disableUserns'> = {},
): readonly string[] {
  const { uid, gid } = context.runAs ?? NOBODY;
  const made = context.userNamespace;
  return [
    ...(made === undefined ? ['--unshare-user'] : ['--userns', String(made.fd)]),
    '--unshare-pid',
    '--unshare-ipc',
    '--unshare-uts',
    '--unshare-cgroup-try',
    ...(context.networkEnabled ? [] : ['--unshare-net']),
    // Whoever made a namespace outside has sealed it.
    ...(made !== undefined || options.disableUserns === false ? [] : ['--disable-userns']),
    '--die-with-parent',
    '--new-session',
    '--as-pid-1',
    ...(made === undefined ? ['--uid', String(uid), '--gid', String(gid)] : []),
    ...['--cap-drop', 'ALL'],
    // Directories of another user lie on the command's way; it gives this up when it becomes that user.
    ...(made === undefined ? [] : ['--cap-add', 'CAP_DAC_READ_SEARCH']),
    ...['--hostname', 'box'],
  ];
}

function environmentArguments(command: JailCommand): string[] {
  return ['--clearenv', ...Object.entries(command.env).flatMap(([name, value]) => ['--setenv', name, value])];
}

/**
 * Before the grants, so that nothing here is ever made in a host directory granted as `/tmp`. Where the command changes its user, what is made here is
 * not its own: others may read it, and there is nobody else in the view.
 */
function linkArguments(context: SandboxContext): string[] {
  const permissions = context.userNamespace === undefined ? '0700' : '0755';
  const parents = [...new Set((context.symlinks ?? []).map((link) => dirname(link.path)))].filter(
    (parent) => parent !== '/tmp',
  );
  return [
    ...parents.flatMap((parent) => ['--perms', permissions, '--dir', parent]),
    ...(context.symlinks ?? []).flatMap(({ path, target }) => ['--symlink', target, path]),
  ];
}

/**
 * Each rule behind the directories above it, where the view itself holds these: below the root or a mask, not below a grant, whose directories are the
 * host's. Those bubblewrap makes of its own accord are private to the user who builds the view.
 */
function withParents(rules: readonly ViewRule[]): string[] {
  const made = new Set<string>(['/', '/tmp']);
  return rules.flatMap((rule, index) => {
    const missing = parentsOf(rule.path).filter(
      (parent) => !made.has(parent) && !isShown(parent, rules.slice(0, index)),
    );
    for (const parent of missing) made.add(parent);
    return [...missing.flatMap((parent) => ['--perms', '0755', '--dir', parent]), ...mountArguments(rule)];
  });
}

/** True where a rule before decides what is there: its own path, or a directory of the host's in a granted one. */
function isShown(path: string, before: readonly ViewRule[]): boolean {
  const above = before.filter((rule) => path === rule.path || path.startsWith(`${rule.path}/`)).at(-1);
  return above !== undefined && (above.path === path || above.kind !== 'mask');
}

/** The directories above a path, the root excluded, outermost first. */
function parentsOf(path: string): string[] {
  const names = path.split('/').slice(1, -1);
  return names.map((_name, index) => `/${names.slice(0, index + 1).join('/')}`);
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
