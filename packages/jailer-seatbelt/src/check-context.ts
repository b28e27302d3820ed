import { posix } from 'node:path';
import { BoxliteError, type SandboxContext } from '@boxlite/core';
import { isWholeHost } from './profile/path-table.js';
import { isExpressible, MAX_PATH_BYTES } from './sbpl/sbpl-string.js';

const WORDS = { userNamespace: 'user namespaces', viewTree: 'mount namespaces' } as const;

/** Who asks: the ids a command on macOS keeps. Undefined where a system has none. */
export interface CallerIds {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

/**
 * What can be told from a context alone: whether a profile can say all of it.
 * @throws BoxliteError `sandbox_unavailable`, `details.field` naming what cannot be honoured
 */
export function checkContext(context: SandboxContext, caller: CallerIds): void {
  const { paths, maskedPaths = [], symlinks = [], devices = [], runAs, temporaryDirectory } = context;
  for (const [index, { path }] of paths.entries()) {
    checkPath(`paths[${index}].path`, path);
    if (isWholeHost(path)) {
      throw unable(`paths[${index}].path`, `${path} is the whole host`, 'grant the directories that are needed');
    }
  }
  for (const [index, path] of maskedPaths.entries()) checkPath(`maskedPaths[${index}]`, path);
  for (const [index, { path, target }] of symlinks.entries()) {
    checkPath(`symlinks[${index}].path`, path);
    checkPath(`symlinks[${index}].target`, target);
  }
  for (const [index, path] of devices.entries()) checkPath(`devices[${index}]`, path);
  for (const member of ['userNamespace', 'viewTree'] as const) {
    if (context[member] !== undefined) throw unable(member, `macOS has no ${WORDS[member]}`, `leave ${member} out`);
  }
  if (temporaryDirectory !== undefined) checkPath('temporaryDirectory', temporaryDirectory);
  if (runAs !== undefined && (runAs.uid !== caller.uid || runAs.gid !== caller.gid)) {
    throw unable(
      'runAs',
      `it cannot become user ${runAs.uid} and group ${runAs.gid}: a command under seatbelt stays who started it`,
      'leave runAs out, or start it as that user',
    );
  }
}

function checkPath(field: string, path: string): void {
  const plain = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const shown = JSON.stringify(path.slice(0, 160));
  if (!isExpressible(path)) {
    throw unable(
      field,
      `${shown} cannot be the name of a file: it holds a NUL or half a character, or more than ${MAX_PATH_BYTES} bytes`,
      'name a path that exists',
    );
  }
  if (!plain.startsWith('/') || posix.normalize(plain) !== plain) {
    throw unable(field, `${shown} is not an absolute path without "." and ".."`, 'give it as realpath prints it');
  }
}

/** The error of a context seatbelt cannot honour. */
export function unable(field: string, why: string, hint: string, cause?: unknown): BoxliteError {
  return new BoxliteError('sandbox_unavailable', `seatbelt cannot confine this command: ${why}`, {
    hint,
    details: { field },
    ...(cause === undefined ? {} : { cause }),
  });
}
