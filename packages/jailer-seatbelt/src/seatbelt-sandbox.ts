import type {
  ConfinedCommand,
  JailCommand,
  ProcessLimits,
  ResourceLimits,
  Sandbox,
  SandboxContext,
} from '@boxlite/core';
import { type CallerIds, checkContext, unable } from './check-context.js';
import { checkProfileFile } from './check-profile-file.js';
import { createMadeLinks } from './made-links.js';
import { probeSandboxExec } from './probe-sandbox-exec.js';
import { seatbeltProfile } from './profile/seatbelt-profile.js';
import { checkGrants, resolveContext, resolveProgram } from './resolve-context.js';
import { seatbeltDegradations, seatbeltLayers } from './seatbelt-layers.js';
import { checkSeatbeltOptions, DEFAULT_SANDBOX_EXEC, type SeatbeltSandboxOptions } from './seatbelt-sandbox-options.js';

/** Where sandbox-exec finds the profile; the numbers below are other sandboxes'. */
export const PROFILE_FD = 8;

const TEMPORARY_VARIABLES = ['TMPDIR', 'TMP', 'TEMP'];

/** A context with something of everything, so that the probe tries each operation a profile can hold. */
const PROBE_CONTEXT: SandboxContext = {
  id: 'probe',
  paths: [
    { path: '/usr/bin/true', writable: false },
    { path: '/private/var/empty', writable: true },
  ],
  maskedPaths: ['/private/var/empty/masked/'],
  symlinks: [{ path: '/tmp/boxlite-probe', target: '/private/var/empty' }],
  resourceLimits: {},
  networkEnabled: true,
};

/**
 * A sandbox over macOS's seatbelt (`sandbox-exec`). Makes no I/O; `isAvailable` runs it once if it works.
 *
 * The profile is handed over as data of descriptor {@link PROFILE_FD} (`-f /dev/fd/8`): nothing lies on disk that could be exchanged before the
 * start or left behind by a crash, and no path of the host stands on a command line, which every user can read.
 * @throws BoxliteError `invalid_argument`, `details.field` naming the option
 */
export function createSeatbeltSandbox(options: SeatbeltSandboxOptions = {}): Sandbox {
  checkSeatbeltOptions(options);
  const { sandboxExecPath = DEFAULT_SANDBOX_EXEC, machServices = [], platform = process.platform } = options;
  const caller: CallerIds = { uid: process.geteuid?.(), gid: process.getegid?.() };
  const madeLinks = createMadeLinks();
  let works = false;

  const apply = (context: SandboxContext, command: JailCommand): ConfinedCommand => {
    const program = resolveProgram(context, command.binary);
    const profile = seatbeltProfile(resolveContext(context), program, { machServices });
    const own = context.sandboxProfile === undefined;
    const limits = processLimits(context.resourceLimits);
    return {
      binary: sandboxExecPath,
      args: ['-f', context.sandboxProfile ?? `/dev/fd/${PROFILE_FD}`, command.binary, ...command.args],
      env: { ...command.env, ...temporaryVariables(context) },
      pidReport: { kind: 'self' },
      ...(own ? { dataFds: [{ fd: PROFILE_FD, data: new TextEncoder().encode(profile) }] } : {}),
      ...(Object.keys(limits).length === 0 ? {} : { rlimits: limits }),
    };
  };
  return {
    name: 'seatbelt',
    givesHostIds: true,
    async isAvailable() {
      if (platform !== 'darwin') return notMacos(platform);
      if (works) return { available: true };
      const answer = await probeSandboxExec(apply(PROBE_CONTEXT, { binary: '/usr/bin/true', args: [], env: {} }));
      works = answer.available;
      return answer;
    },
    async setup(context) {
      if (platform !== 'darwin') {
        const { reason, remedy } = notMacos(platform);
        throw unable('sandbox', reason, remedy);
      }
      checkContext(context, caller);
      const { sandboxProfile, symlinks = [] } = context;
      if (sandboxProfile !== undefined) await checkProfileFile(sandboxProfile, context.paths, caller);
      checkGrants(context.paths);
      await madeLinks.make(symlinks);
      return { degradations: seatbeltDegradations(context), layers: seatbeltLayers(context) };
    },
    apply,
    teardown: ({ symlinks = [] }) => madeLinks.remove(symlinks),
  };
}

function notMacos(platform: string) {
  return {
    available: false,
    reason: `seatbelt is a part of macOS, and this is ${platform}`,
    remedy: 'on Linux use the bubblewrap sandbox',
  } as const;
}

function temporaryVariables({ temporaryDirectory }: SandboxContext): Record<string, string> {
  if (temporaryDirectory === undefined) return {};
  return Object.fromEntries(TEMPORARY_VARIABLES.map((name) => [name, temporaryDirectory]));
}

/** The number of processes is left out: macOS counts all of a user's, so one command would be stopped by another. */
function processLimits({ maxOpenFiles, maxFileSize, maxMemory, maxCpuTime }: ResourceLimits): ProcessLimits {
  const limits = { maxOpenFiles, maxFileSize, maxMemory, maxCpuTime };
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined));
}
