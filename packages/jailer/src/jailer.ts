import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import {
  BoxliteError,
  type ConfinedCommand,
  errnoOf,
  type Jail,
  type JailCommand,
  type ResourceLimits,
  type SandboxContext,
} from '@boxlite/core';
import type { CgroupOutcome } from './cgroup/cgroup-controller.js';
import { createCgroupV2Controller } from './cgroup/cgroup-v2-controller.js';
import { findStageB, type StageBLocation } from './find-stage-b.js';
import { checkJailerOptions, type JailerOptions } from './jailer-options.js';
import { createNoopSandbox } from './noop-sandbox.js';
import { seccompFilter } from './seccomp/seccomp-filter.js';
import { inertSecurityOptions, resolveSecurityOptions, type SecurityOptions } from './security-options.js';
import { wrapWithStageB } from './stage-b.js';

const NO_CGROUP: CgroupOutcome = { enforced: { memory: false, processes: false }, degradations: [] };

/**
 * The jail of one box over any sandbox.
 *
 * `prepare()` checks that the sandbox is there and makes the cgroup; `command()` wraps a command in stage B and the sandbox;
 * `release()` removes the cgroup. With `security.jailerEnabled: false` the command runs bare, with only the limits given.
 *
 * @throws BoxliteError `invalid_argument`, `details.field` naming the bad input
 * @example
 * ```ts
 * const jail = createJailer({ id: 'box1', sandbox: createBwrapSandbox(), paths: [{ path: '/srv/data', writable: false }] });
 * const warnings = await jail.prepare();
 * const confined = jail.command({ binary: '/usr/bin/qemu-system-x86_64', args: ['--version'], env: {} });
 * ```
 */
export function createJailer(options: JailerOptions): Jail {
  checkJailerOptions(options);
  const security = resolveSecurityOptions(options.security);
  const context = contextOf(options, security);
  return security.jailerEnabled ? confiningJail(options, security, context) : bareJail(options, context);
}

function confiningJail(options: JailerOptions, security: SecurityOptions, context: SandboxContext): Jail {
  // Stage B and cgroups are Linux; elsewhere the sandbox is all there is.
  const linux = process.platform === 'linux';
  const cgroups = options.cgroups ?? (linux ? createCgroupV2Controller() : undefined);
  const stageB = linux || options.stageB !== undefined ? findStageB(options.stageB) : undefined;
  const seccomp =
    linux && security.seccompEnabled ? seccompFilter({ networkEnabled: security.networkEnabled }) : undefined;
  const inside: SandboxContext = {
    ...context,
    paths: stageB === undefined ? context.paths : withPath(context.paths, stageB.path),
  };
  let sandbox = options.sandbox;
  let cgroup = NO_CGROUP;
  return {
    get name() {
      return sandbox.name;
    },
    async prepare() {
      const refusal = await refusalOf(options, stageB);
      if (refusal !== undefined) {
        if (!security.allowUnconfined) throw refusal;
        sandbox = createNoopSandbox();
        return [`the box runs UNCONFINED, as allowUnconfined permits: ${refusal.message}`];
      }
      sandbox = options.sandbox;
      const setup = await sandbox.setup(inside);
      cgroup = (await cgroups?.prepare(context.id, context.resourceLimits)) ?? NO_CGROUP;
      if (cgroup.cgroupDir === undefined && setup.cgroupDir !== undefined) {
        cgroup = { ...cgroup, cgroupDir: setup.cgroupDir };
      }
      return [
        ...inertSecurityOptions(options.security ?? {}),
        ...setup.degradations,
        ...cgroup.degradations,
        ...addressSpaceNote(context.resourceLimits, cgroup),
      ];
    },
    command(command) {
      refuseNul(command);
      if (sandbox !== options.sandbox || stageB === undefined) {
        return withLimits(sandbox.apply(context, command), context, cgroup);
      }
      const { dataFds, ...wrapped } = wrapWithStageB(context, command, {
        path: stageB.path,
        landlock: true,
        ...(seccomp === undefined ? {} : { seccomp }),
      });
      const confined = sandbox.apply(inside, wrapped);
      return withLimits({ ...confined, dataFds: [...(confined.dataFds ?? []), ...dataFds] }, context, cgroup);
    },
    async release() {
      await cgroups?.release(context.id);
      await options.sandbox.teardown?.(inside);
    },
  };
}

/** The jail that is off: `prepare` does nothing. */
function bareJail(options: JailerOptions, context: SandboxContext): Jail {
  const sandbox = createNoopSandbox();
  return {
    name: sandbox.name,
    prepare: async () => inertSecurityOptions(options.security ?? {}),
    command: (command) => withLimits(sandbox.apply(context, command), context, NO_CGROUP),
    release: async () => undefined,
  };
}

/** A NUL would end one record of stage B's data and begin another. No process can be given one anyway. */
function refuseNul({ binary, args, env }: JailCommand): void {
  const bad = [binary, ...args, ...Object.entries(env).flat()].find((text) => text.includes('\0'));
  if (bad === undefined) return;
  throw new BoxliteError(
    'invalid_argument',
    `the command holds a NUL character: ${JSON.stringify(bad.slice(0, 160))}`,
    {
      details: { field: 'command' },
    },
  );
}

/** Why the wanted confinement cannot be had, or undefined. */
async function refusalOf(
  options: JailerOptions,
  stageB: StageBLocation | undefined,
): Promise<BoxliteError | undefined> {
  const { available, reason, remedy } = await options.sandbox.isAvailable();
  if (!available) {
    return new BoxliteError(
      'sandbox_unavailable',
      `the sandbox ${options.sandbox.name} cannot confine box ${options.id}: ${reason ?? 'it is not available'}`,
      { ...(remedy === undefined ? {} : { hint: remedy }), details: { sandbox: options.sandbox.name } },
    );
  }
  if (stageB?.failure !== undefined || stageB === undefined) return stageB?.failure;
  const { path } = stageB;
  try {
    await access(path, constants.X_OK);
    return undefined;
  } catch (thrown) {
    return new BoxliteError('sandbox_unavailable', `the stage B helper ${path} cannot be run (${errnoOf(thrown)})`, {
      hint: 'make it executable, or install again: npm install --include=optional',
      cause: thrown,
      details: { field: 'stageB', path },
    });
  }
}

function contextOf(options: JailerOptions, security: SecurityOptions): SandboxContext {
  return {
    id: options.id,
    paths: options.paths,
    ...(options.maskedPaths === undefined ? {} : { maskedPaths: options.maskedPaths }),
    ...(options.symlinks === undefined ? {} : { symlinks: options.symlinks }),
    ...(options.devices === undefined ? {} : { devices: options.devices }),
    runAs: { uid: security.uid, gid: security.gid },
    resourceLimits: security.resourceLimits,
    networkEnabled: security.networkEnabled,
    ...(security.sandboxProfile === undefined ? {} : { sandboxProfile: security.sandboxProfile }),
  };
}

function withPath(paths: SandboxContext['paths'], path: string): SandboxContext['paths'] {
  if (paths.some((access) => access.path === path)) return paths;
  return [...paths, { path, writable: false }].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/**
 * What stage A sets. The number of processes is a matter of the cgroup: RLIMIT_NPROC counts all processes of the user, so one box
 * would be stopped by another. Memory is held by the cgroup where there is one, else by the size of the address space.
 */
function withLimits(
  command: ConfinedCommand,
  { resourceLimits }: SandboxContext,
  cgroup: CgroupOutcome,
): ConfinedCommand {
  const { maxProcesses: _group, maxMemory, ...rest } = resourceLimits;
  const rlimits: ResourceLimits = {
    ...rest,
    ...(maxMemory === undefined || cgroup.enforced.memory ? {} : { maxMemory }),
  };
  return {
    ...command,
    ...(cgroup.cgroupDir === undefined ? {} : { cgroupDir: cgroup.cgroupDir }),
    ...(Object.keys(rlimits).length === 0 ? {} : { rlimits }),
  };
}

function addressSpaceNote({ maxMemory }: ResourceLimits, cgroup: CgroupOutcome): string[] {
  if (maxMemory === undefined || cgroup.enforced.memory) return [];
  return ['maxMemory limits the address space of the VMM, not its resident memory: no memory cgroup is to be had'];
}
