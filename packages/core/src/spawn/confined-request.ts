import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path';
import type { JailCommand, PathAccess, ProcessLimits, SandboxContext } from '../contracts/sandbox.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import { findProgram } from './find-program.js';
import { SYSTEM_PATHS } from './system-paths.js';

/** What to run, and what it may touch. Paths are absolute and normal; those that do not exist are skipped. */
export interface ConfinedRequest {
  /** A program, by absolute path or by a name looked for on PATH, and its arguments. It runs in `/`. */
  readonly command: readonly [program: string, ...args: string[]];
  /** The complete environment; default empty. */
  readonly env?: Readonly<Record<string, string>>;
  /** May be read, and executed; default {@link SYSTEM_PATHS}. The program's own file always may. */
  readonly readable?: readonly string[];
  /** May be read and written, and not executed where the sandbox can hold that; default none. */
  readonly writable?: readonly string[];
  /** Not to be seen, although it lies below one of the others; refused by a sandbox that cannot hide. */
  readonly hidden?: readonly string[];
  /** Beyond null, zero, random and urandom. */
  readonly devices?: readonly string[];
  /** Default false. */
  readonly network?: boolean;
  /** Set by prlimit(1); refused where there is none. */
  readonly limits?: ProcessLimits;
}

/** The request in the words of the contract. */
export interface ResolvedRequest {
  readonly context: SandboxContext;
  readonly command: JailCommand;
}

/**
 * @param searchPath where a program given by name is looked for
 * @throws BoxliteError `invalid_argument` for a path that is not absolute and normal, `details.field` naming it; `command_not_found`
 */
export async function resolveRequest(request: ConfinedRequest, searchPath: string): Promise<ResolvedRequest> {
  const { readable = SYSTEM_PATHS, writable = [], hidden = [], devices = [], network = false, limits = {} } = request;
  for (const [field, list] of Object.entries({ readable, writable, hidden, devices })) {
    for (const [index, path] of list.entries()) checkPath(`${field}[${index}]`, path);
  }
  const [name, ...args] = request.command;
  const binary = await findProgram(name, searchPath);
  if (binary === undefined) {
    throw new BoxliteError('command_not_found', `there is no program ${JSON.stringify(name)}`, {
      hint: name.includes('/') ? 'give an absolute path of a file that may be executed' : 'give its absolute path',
      details: { field: 'command[0]' },
    });
  }
  return {
    command: { binary, args, env: request.env ?? {} },
    context: {
      id: 'confined',
      paths: grants(readable, writable, [binary, await realpath(binary)]),
      ...(hidden.length === 0 ? {} : { maskedPaths: await existing(hidden) }),
      ...(devices.length === 0 ? {} : { devices }),
      resourceLimits: limits,
      networkEnabled: network,
    },
  };
}

/** Each path once, parents first; a program that lies below a grant needs none of its own. */
function grants(readable: readonly string[], writable: readonly string[], program: readonly string[]): PathAccess[] {
  const granted = new Map<string, boolean>();
  for (const path of readable) granted.set(path, false);
  for (const path of writable) granted.set(path, true);
  for (const path of program) {
    if (![...granted.keys()].some((other) => isWithin(other, path))) granted.set(path, false);
  }
  return [...granted]
    .map(([path, isWritable]) => ({ path, writable: isWritable }))
    .sort((left, right) => (left.path < right.path ? -1 : 1));
}

function isWithin(directory: string, path: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** In the contract's form: a directory ends with a slash, and only what exists is listed. */
async function existing(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    try {
      found.push((await stat(path)).isDirectory() ? `${path}/` : path);
    } catch (thrown) {
      if ((thrown as { code?: string }).code !== 'ENOENT') throw thrown;
      // Nothing there to hide.
    }
  }
  return found;
}

function checkPath(field: string, path: string): void {
  if (isAbsolute(path) && normalize(path) === path && (path === '/' || !path.endsWith('/')) && !path.includes('\0')) {
    return;
  }
  throw new BoxliteError('invalid_argument', `${field} must be an absolute, normal path, not ${JSON.stringify(path)}`, {
    hint: 'no `.`, `..`, `//` and no slash at the end',
    details: { field },
  });
}
