import { isAbsolute, normalize } from 'node:path';
import { BoxliteError, type PathAccess, parseBoxId, type Sandbox } from '@boxlite/core';
import type { CgroupController } from './cgroup/cgroup-controller.js';
import type { HostUser } from './hand-over.js';
import type { SecurityOptionsInput } from './security-option-table.js';

/** What {@link import('./jailer.js').createJailer} is given. Paths are absolute and normal (no `.`, `..`, `//` or trailing slash). */
export interface JailerOptions {
  /** The box id, 1 to 128 characters of `[A-Za-z0-9_-]`; names the cgroup. */
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly paths: readonly PathAccess[];
  /** Directories end with a slash. */
  readonly maskedPaths?: readonly string[];
  readonly symlinks?: readonly { readonly path: string; readonly target: string }[];
  readonly devices?: readonly string[];
  /** See `SandboxContext.temporaryDirectory`. */
  readonly temporaryDirectory?: string;
  readonly security?: SecurityOptionsInput;
  /** Default: this machine's cgroup v2 hierarchy. */
  readonly cgroups?: CgroupController;
  /** Files and directories on the disks that limits of disk traffic are about. */
  readonly ioPaths?: readonly string[];
  /**
   * Linux, started by root: the user of this host the command becomes, whom nobody else is. Where that cannot be done, the layer `privileges` says why,
   * and the command is host root without capabilities. Without effect for any other user, who stays who they are.
   */
  readonly hostUser?: HostUser;
  /** The system calls the command needs, as the text of a policy (README, "System calls"). Absent: the deny-list, which lets any program run. */
  readonly seccompPolicy?: string;
  /** Switches of that policy that are on; `network` follows `security.networkEnabled`. */
  readonly seccompSwitches?: readonly string[];
  /** A file where the compiled policy is kept between processes; its directory is the caller's own. Absent: compiled anew, once a process. */
  readonly seccompCache?: string;
  /** Why system calls cannot be filtered here; default: ask the kernel. */
  readonly seccompRefusal?: () => BoxliteError | undefined;
  /** The stage B helper; default: the one built in this package. */
  readonly stageB?: string;
}

/**
 * Checks what a jail is made of, before anything is done with it.
 * @throws BoxliteError `invalid_argument`, `details.field` naming the input
 */
export function checkJailerOptions(options: JailerOptions): void {
  try {
    parseBoxId(options.id);
  } catch (thrown) {
    throw new BoxliteError('invalid_argument', `a jail needs a valid box id, not ${JSON.stringify(options.id)}`, {
      cause: thrown,
      details: { field: 'id' },
    });
  }
  for (const member of ['isAvailable', 'setup', 'apply'] as const) {
    if (typeof options.sandbox?.[member] !== 'function') {
      throw refuse('sandbox', `the sandbox has no ${member}()`, 'pass a Sandbox, such as createBwrapSandbox()');
    }
  }
  for (const [index, { path, writable }] of options.paths.entries()) {
    checkPath(`paths[${index}].path`, path);
    if (typeof writable !== 'boolean')
      throw refuse(`paths[${index}].writable`, `${path}: writable must be true or false`);
  }
  for (const [index, path] of (options.maskedPaths ?? []).entries()) {
    checkPath(`maskedPaths[${index}]`, path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);
  }
  for (const [index, link] of (options.symlinks ?? []).entries()) {
    checkPath(`symlinks[${index}].path`, link.path);
    checkPath(`symlinks[${index}].target`, link.target);
  }
  for (const [index, device] of (options.devices ?? []).entries()) {
    checkPath(`devices[${index}]`, device);
    if (!device.startsWith('/dev/')) throw refuse(`devices[${index}]`, `${device} is not below /dev`);
  }
  for (const [index, path] of (options.ioPaths ?? []).entries()) checkPath(`ioPaths[${index}]`, path);
  for (const [name, id] of Object.entries(options.hostUser ?? {})) {
    if (!Number.isInteger(id) || id <= 0 || id >= 0xffff_ffff) {
      throw refuse(
        `hostUser.${name}`,
        `hostUser.${name} must be an id of somebody but root, not ${JSON.stringify(id)}`,
      );
    }
  }
  if (options.temporaryDirectory !== undefined) checkPath('temporaryDirectory', options.temporaryDirectory);
  if (options.stageB !== undefined) checkPath('stageB', options.stageB);
}

function checkPath(field: string, path: unknown): void {
  if (typeof path !== 'string' || !isAbsolute(path)) {
    throw refuse(field, `${field} must be an absolute path, not ${JSON.stringify(path)}`);
  }
  if (path.includes('\0')) throw refuse(field, `${field} contains a NUL character`);
  if (normalize(path) !== path || (path !== '/' && path.endsWith('/'))) {
    throw refuse(
      field,
      `${field} is not a normal path: ${JSON.stringify(path)}`,
      `use ${JSON.stringify(normalize(path))}`,
    );
  }
  if (path === '/')
    throw refuse(field, `${field} must not be the root directory`, 'grant the directories that are needed');
}

function refuse(field: string, message: string, hint?: string): BoxliteError {
  return new BoxliteError('invalid_argument', message, { ...(hint === undefined ? {} : { hint }), details: { field } });
}
