import { BoxliteError, type JailCommand, type Sandbox, type SandboxContext } from '@boxlite/core';
import { checkContext, isSame } from './check-context.js';
import { type FoundLandlock, findLandlock } from './find-landlock.js';
import { type LandlockHost, thisHost } from './landlock-host.js';
import { landlockDegradations, landlockLayers } from './landlock-layers.js';
import { landlockRules } from './landlock-rules.js';
import { type LandlockSandboxOptions, RULES_FD } from './landlock-sandbox-options.js';

/** What `apply` names where there is no helper: a file that is on no machine, so that nothing starts unconfined. */
const NOWHERE = '/boxlite-landlock-was-not-found';

/** A Landlock sandbox, and what it found of Landlock. */
export interface LandlockSandbox extends Sandbox {
  /** The kernel's version of Landlock, once `isAvailable` has said yes. */
  readonly version: number | undefined;
}

/**
 * A sandbox over Landlock: a command held to the granted paths and to its own processes, by the kernel, without namespaces and without root. Makes
 * no I/O; `isAvailable` asks the kernel, once if the answer is yes.
 *
 * Where there is to be no network, all sockets but unix ones are forbidden. Alone it also takes the capabilities away and gives `runAs` its ids. Inside a
 * sandbox that builds a view, such as bubblewrap in a composite, it repeats the view's grants.
 * @throws BoxliteError `invalid_argument`, `details.field` naming the option
 * @example
 * ```ts
 * const sandbox = createLandlockSandbox();
 * const { stdout } = await runConfined(sandbox, { command: ['python3', '-c', 'print(6 * 7)'], writable: ['/srv/work'] });
 * ```
 */
export function createLandlockSandbox(options: LandlockSandboxOptions = {}): LandlockSandbox {
  return createLandlockSandboxOn(thisHost, options);
}

/** The same on another machine, for tests. */
export function createLandlockSandboxOn(host: LandlockHost, options: LandlockSandboxOptions = {}): LandlockSandbox {
  checkOptions(options);
  let found: FoundLandlock | undefined;
  const look = async () => {
    if (found !== undefined) return found;
    const answer = await findLandlock(options, host);
    if ('version' in answer) found = answer;
    return answer;
  };
  const helper = () => found?.helper ?? options.helperPath ?? helperOf(host);
  return {
    name: 'landlock',
    givesHostIds: true,
    get programs() {
      return [helper()];
    },
    get version() {
      return found?.version;
    },
    async isAvailable() {
      const answer = await look();
      return 'version' in answer ? { available: true } : { available: false, ...answer };
    },
    async setup(context) {
      const answer = await look();
      if (!('version' in answer)) {
        const { reason, remedy } = answer;
        throw new BoxliteError('sandbox_unavailable', `Landlock cannot confine this command: ${reason}`, {
          hint: remedy,
        });
      }
      const weaker = await checkContext(context, host.ids());
      return {
        degradations: [...landlockDegradations(answer.version, context), ...weaker],
        layers: landlockLayers(answer.version, context, host.ids().uid),
      };
    },
    apply: (context, command) => ({
      binary: helper(),
      args: helperArguments(context, command, options, host),
      env: { ...temporaryDirectories(context), ...command.env },
      pidReport: { kind: 'self' },
      dataFds: [{ fd: RULES_FD, data: landlockRules(context) }],
    }),
  };
}

/** The helper's grammar is in `native/landlock/arguments.h`. */
function helperArguments(
  context: SandboxContext,
  command: JailCommand,
  { audit = false }: LandlockSandboxOptions,
  host: LandlockHost,
): readonly string[] {
  const alone = context.insideView !== true;
  const { runAs } = context;
  const changesIds = alone && runAs !== undefined && !isSame(runAs, host.ids());
  return [
    ...['--rules', String(RULES_FD)],
    ...(context.networkEnabled ? [] : ['--no-tcp']),
    ...(audit ? ['--audit'] : []),
    ...(alone ? ['--drop-capabilities'] : []),
    ...(changesIds ? ['--gid', String(runAs.gid), '--uid', String(runAs.uid)] : []),
    // Landlock knows TCP alone, and no namespace holds vsock or what io_uring opens.
    ...(context.networkEnabled ? [] : ['--unix-sockets-only']),
    ...['--', command.binary, ...command.args],
  ];
}

/** There is no /tmp of the command's own, and the host's is not granted. */
function temporaryDirectories({
  insideView,
  temporaryDirectory: path,
}: SandboxContext): Readonly<Record<string, string>> {
  return insideView === true || path === undefined ? {} : { TMPDIR: path, TMP: path, TEMP: path };
}

function helperOf(host: LandlockHost): string {
  try {
    return host.helperPath();
  } catch {
    // `isAvailable` says why; `apply` never refuses.
    return NOWHERE;
  }
}

function checkOptions({ minimumVersion, helperPath }: LandlockSandboxOptions): void {
  if (minimumVersion !== undefined && !(Number.isSafeInteger(minimumVersion) && minimumVersion > 0)) {
    throw new BoxliteError(
      'invalid_argument',
      `minimumVersion must be a positive whole number, not ${minimumVersion}`,
      {
        details: { field: 'minimumVersion' },
      },
    );
  }
  if (helperPath !== undefined && !helperPath.startsWith('/')) {
    throw new BoxliteError('invalid_argument', `helperPath must be absolute, not ${JSON.stringify(helperPath)}`, {
      details: { field: 'helperPath' },
    });
  }
}
