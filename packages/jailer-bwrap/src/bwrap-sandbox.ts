import { BoxliteError, type ConfinedCommand, type Sandbox, type SandboxContext } from '@boxlite/core';
import { bwrapArguments } from './bwrap-arguments.js';
import { bwrapLayers } from './bwrap-layers.js';
import { ARGUMENTS_FD, BLOCK_FD, type BwrapSandboxOptions, DEFAULT_TMP_SIZE_BYTES, INFO_FD } from './bwrap-options.js';
import { describeBwrap } from './describe-bwrap.js';
import { findBwrap, isExecutable } from './find-bwrap.js';
import { preflight } from './preflight.js';
import { diagnoseUserNamespaces } from './user-namespace-diagnosis.js';
import { viewRecords } from './view-records.js';

type Availability = Awaited<ReturnType<Sandbox['isAvailable']>>;

/** What a successful look at the host found. */
interface Found {
  readonly path: string;
  readonly disableUserns: boolean;
}

/** What `apply` takes when nobody asked `isAvailable` before: the usual place. */
const UNCHECKED: Found = { path: '/usr/bin/bwrap', disableUserns: true };

/**
 * A sandbox over bubblewrap. Makes no I/O; `isAvailable` looks for `bwrap` and tries it, once if it works.
 *
 * bubblewrap's options travel in an inherited file (`--args`), not on the command line, which every user of the host can read.
 * @throws BoxliteError `invalid_argument`, `details.field` naming the option
 */
export function createBwrapSandbox(options: BwrapSandboxOptions = {}): Sandbox {
  checkOptions(options);
  let found: Found | undefined;
  const tmpSizeBytes = options.tmpSizeBytes ?? DEFAULT_TMP_SIZE_BYTES;
  return {
    name: 'bwrap',
    buildsView: true,
    readOnlyMounts: true,
    joinsUserNamespace: true,
    takesViewTree: true,
    async isAvailable() {
      if (found !== undefined) return { available: true };
      const look = await lookForBwrap(options);
      if ('available' in look) return look;
      found = look;
      return { available: true };
    },
    async setup(context) {
      refuseUnsupported(context);
      const disableUserns = found?.disableUserns ?? true;
      const tmpSizeBytes = options.tmpSizeBytes ?? DEFAULT_TMP_SIZE_BYTES;
      return {
        degradations: disableUserns
          ? []
          : ['the command may make user namespaces: bwrap --disable-userns does not work here'],
        layers: bwrapLayers(context, { disableUserns, tmpSizeBytes }),
      };
    },
    apply(context, command): ConfinedCommand {
      const { path, disableUserns } = found ?? { ...UNCHECKED, ...(options.bwrapPath && { path: options.bwrapPath }) };
      const tree = context.viewTree;
      const list = bwrapArguments(context, command, { tmpSizeBytes, disableUserns });
      return {
        binary: path,
        args: ['--args', String(ARGUMENTS_FD), '--', command.binary, ...command.args],
        env: {},
        pidReport: { kind: 'bubblewrap', infoFd: INFO_FD, blockFd: BLOCK_FD },
        dataFds: [
          { fd: ARGUMENTS_FD, data: encodeList(list) },
          ...(tree === undefined ? [] : [{ fd: tree.fd, data: encodeList(viewRecords(context, tmpSizeBytes)) }]),
        ],
      };
    },
  };
}

/**
 * The form `--args` and the view's helper read: each argument ended by NUL.
 * @throws BoxliteError `invalid_argument` for an argument that holds a NUL: it would become further ones
 */
function encodeList(list: readonly string[]): Uint8Array {
  const bad = list.find((argument) => argument.includes('\0'));
  if (bad !== undefined) {
    throw new BoxliteError('invalid_argument', `a NUL character in ${JSON.stringify(bad.slice(0, 160))}`, {
      hint: 'no path, environment variable or argument of a process can hold one',
      details: { field: 'command' },
    });
  }
  return new TextEncoder().encode(list.map((argument) => `${argument}\0`).join(''));
}

async function lookForBwrap(options: BwrapSandboxOptions): Promise<Availability | Found> {
  const path = options.bwrapPath ?? (await findBwrap(options.searchPath ?? process.env.PATH ?? ''));
  if (path === undefined || !(await isExecutable(path))) {
    return {
      available: false,
      reason: path === undefined ? 'bubblewrap is not installed (no bwrap on PATH)' : `${path} cannot be executed`,
      remedy: 'install it: `apt install bubblewrap` (Debian, Ubuntu), `dnf install bubblewrap` (Fedora)',
    };
  }
  const strict = await preflight(path, true);
  if (strict.ok) return { path, disableUserns: true };
  // Older than 0.8, set-uid, or a /proc/sys that cannot be written: everything else may still work.
  const plain = await preflight(path, false);
  if (plain.ok) return { path, disableUserns: false };
  const { version, setuid } = await describeBwrap(path);
  return {
    available: false,
    ...(await diagnoseUserNamespaces({ stderr: plain.stderr, bwrap: path, version, setuid })),
  };
}

/** What this sandbox cannot honour is refused before a spawn, never ignored. */
function refuseUnsupported(context: SandboxContext): void {
  if (context.sandboxProfile !== undefined) {
    throw unable('sandboxProfile', 'a sandbox profile is a macOS matter', 'leave sandboxProfile out');
  }
  for (const { path } of context.symlinks ?? []) {
    if (!path.startsWith('/tmp/')) {
      throw unable('symlinks', `the link ${path} does not lie in the view's own /tmp`, 'put it below /tmp');
    }
  }
  for (const { path } of context.paths) {
    if (path === '/' || path.startsWith('/proc/')) {
      throw unable(
        'paths',
        `${path} cannot be granted: it would show the whole host`,
        'grant the directories that are needed',
      );
    }
  }
}

function unable(field: string, why: string, hint: string): BoxliteError {
  return new BoxliteError('sandbox_unavailable', `bubblewrap cannot confine this command: ${why}`, {
    hint,
    details: { field },
  });
}

function checkOptions({ bwrapPath, tmpSizeBytes }: BwrapSandboxOptions): void {
  if (bwrapPath !== undefined && !bwrapPath.startsWith('/')) {
    throw new BoxliteError('invalid_argument', `bwrapPath must be absolute, not ${JSON.stringify(bwrapPath)}`, {
      details: { field: 'bwrapPath' },
    });
  }
  if (tmpSizeBytes !== undefined && !(Number.isSafeInteger(tmpSizeBytes) && tmpSizeBytes > 0)) {
    throw new BoxliteError('invalid_argument', `tmpSizeBytes must be a positive whole number, not ${tmpSizeBytes}`, {
      details: { field: 'tmpSizeBytes' },
    });
  }
}
