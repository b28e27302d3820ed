import {
  BoxliteError,
  type ConfinedCommand,
  type Jail,
  type JailCommand,
  type JailLayer,
  type ProcessLimits,
  type Sandbox,
  type SandboxContext,
} from '@boxlite/core';
import type { CgroupOutcome } from './cgroup/cgroup-controller.js';
import { createCgroupV2Controller } from './cgroup/cgroup-v2-controller.js';
import { findStageB, type StageBLocation } from './find-stage-b.js';
import { type HandOver, type HostUser, prepareHandOver } from './hand-over.js';
import { cgroupLayer, DESCRIPTORS_LAYER, jailLayers, rlimitsLayer } from './jail-layers.js';
import { sandboxRefusal, seccompRefusal, stageBRefusal } from './jail-refusals.js';
import { checkJailerOptions, type JailerOptions } from './jailer-options.js';
import { createNoopSandbox } from './noop-sandbox.js';
import type { JailFilter } from './seccomp/jail-filter.js';
import { keptFilter } from './seccomp/kept-filter.js';
import { inertSecurityOptions, resolveSecurityOptions, type SecurityOptions } from './security-options.js';
import { wrapWithStageB } from './stage-b.js';
import { prepareViewTree, type ViewTree } from './view-tree.js';

const NO_CGROUP: CgroupOutcome = { enforced: { memory: false, processes: false }, degradations: [] };

/**
 * Address space a VMM maps beyond the memory it uses: its libraries, caches of translated code and windows of shares, and for each thread a stack and
 * what its allocator sets aside. Measured: see the package README, "Address space".
 */
const ADDRESS_SPACE_BASE = 2 * 1024 ** 3;
const ADDRESS_SPACE_PER_THREAD = 16 * 1024 ** 2;
/** Threads of a command whose processes were given no limit. */
const UNLIMITED_THREADS = 256;

/**
 * The jail of one box over any sandbox.
 *
 * `prepare()` checks that the sandbox is there and makes the cgroup; `command()` wraps a command in stage B and the sandbox;
 * `release()` removes the cgroup. With `security.jailer: 'off'` the command runs bare, with only the limits given.
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
  return security.jailer === 'off' ? bareJail(options, context) : confiningJail(options, security, context);
}

function confiningJail(options: JailerOptions, security: SecurityOptions, context: SandboxContext): Jail {
  // Stage B and cgroups are Linux; elsewhere the sandbox is all there is.
  const linux = process.platform === 'linux';
  const cgroups = options.cgroups ?? (linux ? createCgroupV2Controller() : undefined);
  const stageB = linux || options.stageB !== undefined ? findStageB(options.stageB) : undefined;
  const filter = keptFilter(
    {
      mode: linux ? security.seccomp : 'off',
      networkEnabled: security.networkEnabled,
      ...(options.seccompPolicy === undefined ? {} : { policy: options.seccompPolicy }),
      ...(options.seccompSwitches === undefined ? {} : { switches: options.seccompSwitches }),
    },
    options.seccompCache,
  );
  const inside: SandboxContext = {
    ...context,
    paths: stageB === undefined ? context.paths : withPath(context.paths, stageB.path),
  };
  const wanted: Confinement = { sandbox: options.sandbox, context: inside, stageB, filter };
  let found = wanted;
  let cgroup = NO_CGROUP;
  let layers: readonly JailLayer[] = [];
  return {
    get name() {
      return found.sandbox.name;
    },
    get layers() {
      return layers;
    },
    async prepare() {
      const { confinement, missing } = await confinementOf(options, security, wanted);
      found = { ...confinement, ...(await outsideView(options, confinement)) };
      const setup = await found.sandbox.setup(found.context);
      const { ioPaths = [] } = options;
      cgroup = (await cgroups?.prepare(context.id, context.resourceLimits, { ioPaths })) ?? NO_CGROUP;
      if (cgroup.cgroupDir === undefined && setup.cgroupDir !== undefined) {
        cgroup = { ...cgroup, cgroupDir: setup.cgroupDir };
      }
      const own = [
        DESCRIPTORS_LAYER,
        rlimitsLayer(processLimits(context, cgroup)),
        ...(linux ? [cgroupLayer(context.resourceLimits, cgroup)] : []),
        ...(found.stageB === undefined ? [] : [privilegesLayer(found, options.hostUser), found.filter.layer]),
      ];
      layers = jailLayers(own, setup.layers ?? []);
      return [
        ...missing,
        ...inertSecurityOptions(options.security ?? {}),
        ...(found.notHandedOver === undefined ? [] : [`the VMM stays host root: ${found.notHandedOver}`]),
        ...(found.noViewTree === undefined ? [] : [withoutTree(found)]),
        ...found.filter.degradations,
        ...setup.degradations,
        ...cgroup.degradations,
      ];
    },
    command(command) {
      refuseNul(command);
      const { sandbox, context: seen, stageB: helper, filter: seccomp } = found;
      if (helper === undefined) return withLimits(sandbox.apply(seen, command), context, cgroup);
      const { dataFds, ...wrapped } = wrapWithStageB(seen, command, {
        path: helper.path,
        ...(found.handOver === undefined
          ? {}
          : { groups: found.handOver.groups, userNamespaceFd: found.handOver.innerFd }),
        ...(seccomp.program === undefined ? {} : { seccomp: seccomp.program }),
        ...(seccomp.report === undefined ? {} : { syscallReportFd: seccomp.report.fd }),
      });
      const inner = sandbox.apply(seen, wrapped);
      const confined = (found.handOver ?? found.viewTree)?.wrap(inner) ?? inner;
      const reported = { ...confined, ...(seccomp.report === undefined ? {} : { syscallReport: seccomp.report }) };
      return withLimits({ ...reported, dataFds: [...(confined.dataFds ?? []), ...dataFds] }, context, cgroup);
    },
    async release() {
      await cgroups?.release(context.id, cgroup.cgroupDir);
      await options.sandbox.teardown?.(inside);
    },
  };
}

/** What a command is wrapped in. */
interface Confinement {
  readonly sandbox: Sandbox;
  readonly context: SandboxContext;
  /** Absent: there is none, here or for this start. */
  readonly stageB: StageBLocation | undefined;
  readonly filter: JailFilter;
  /** Present: the command becomes a user of its own. */
  readonly handOver?: HandOver;
  /** Present: the view is mounted outside, and the command stays who it is. */
  readonly viewTree?: ViewTree;
  /** Why it is not, for a sandbox that would take one. */
  readonly noViewTree?: string;
  /** Why root's command does not, where it should. */
  readonly notHandedOver?: string;
}

/** What is made before the sandbox: a user of the box's own, a view. */
async function outsideView(options: JailerOptions, confinement: Confinement): Promise<Partial<Confinement>> {
  const handing = await handOverFor(options, confinement);
  if (handing.handOver !== undefined) return handing;
  const viewTree = await prepareViewTree(confinement.sandbox, confinement.context);
  if (viewTree === undefined) return handing;
  if ('reason' in viewTree) return { ...handing, noViewTree: viewTree.reason };
  return { ...handing, viewTree, context: viewTree.context };
}

function withoutTree({ sandbox, noViewTree }: Confinement): string {
  return `${sandbox.name} mounts the view itself, in which what may be written may also be mapped as a program: ${noViewTree}`;
}

/** For root alone: whoever else starts a box can make nobody another user. */
async function handOverFor(
  { hostUser }: JailerOptions,
  { sandbox, stageB, context }: Confinement,
): Promise<Partial<Confinement>> {
  if (hostUser === undefined || process.platform !== 'linux' || process.geteuid?.() !== 0) return {};
  if (sandbox.name === 'none') return {};
  if (stageB === undefined) return { notHandedOver: 'the helper that changes the user is not there' };
  if (sandbox.joinsUserNamespace === undefined || sandbox.takesViewTree === undefined) {
    return { notHandedOver: `${sandbox.name} cannot join a user namespace` };
  }
  const outcome = await prepareHandOver(sandbox, context, hostUser);
  return 'reason' in outcome ? { notHandedOver: outcome.reason } : { handOver: outcome, context: outcome.context };
}

/**
 * What is wanted; with `best-effort`, what of it there is. Without a view the ids stay those of the host, whose files the command has to open.
 * @throws BoxliteError `sandbox_unavailable` where something is missing and everything is required
 */
async function confinementOf(
  options: JailerOptions,
  { jailer }: SecurityOptions,
  wanted: Confinement,
): Promise<{ readonly confinement: Confinement; readonly missing: readonly string[] }> {
  const noSandbox = await sandboxRefusal(options.sandbox, options.id);
  const noStageB = await stageBRefusal(wanted.stageB);
  const noFilter = wanted.filter.program === undefined ? undefined : (options.seccompRefusal ?? seccompRefusal)();
  const refusals = [noSandbox, noStageB, noFilter].filter((refusal) => refusal !== undefined);
  const [first] = refusals;
  if (first !== undefined && jailer === 'required') throw first;
  const sandbox = noSandbox === undefined ? wanted.sandbox : createNoopSandbox();
  const { runAs: _ids, ...sameIds } = wanted.context;
  // Without ids of its own, the command is who starts it: whose files it has to open.
  const ownIds = noSandbox === undefined && sandbox.givesHostIds === undefined;
  return {
    confinement: {
      sandbox,
      context: ownIds ? wanted.context : sameIds,
      stageB: noStageB === undefined ? wanted.stageB : undefined,
      filter: noFilter === undefined ? wanted.filter : withoutFilter(noFilter.message),
    },
    missing: refusals.map(({ message, hint }) => {
      const how = noSandbox === undefined ? 'less confined' : 'UNCONFINED by any sandbox';
      return `box ${options.id} runs ${how}, as jailer: 'best-effort' permits: ${message}${hint === undefined ? '' : `; ${hint}`}`;
    }),
  };
}

function withoutFilter(detail: string): JailFilter {
  return { layer: { name: 'seccomp', state: 'inactive', detail }, degradations: [] };
}

function privilegesLayer({ sandbox, handOver, notHandedOver }: Confinement, hostUser: HostUser | undefined): JailLayer {
  const name = 'privileges';
  if (sandbox.name === 'none')
    return { name, state: 'partial', detail: 'no_new_privs; the ids are those of its starter' };
  if (handOver !== undefined) {
    return { name, state: 'active', detail: `host user ${hostUser?.uid} of its own, no capabilities, no_new_privs` };
  }
  const isRoot = process.platform === 'linux' && process.geteuid?.() === 0;
  if (!isRoot) return { name, state: 'active', detail: 'no capabilities, no_new_privs' };
  const why = notHandedOver ?? 'no host user was named for it';
  return { name, state: 'partial', detail: `host root without capabilities, no_new_privs: ${why}` };
}

/** The jail that is off: `prepare` does nothing. */
function bareJail(options: JailerOptions, context: SandboxContext): Jail {
  const sandbox = createNoopSandbox();
  return {
    name: sandbox.name,
    layers: [],
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

function contextOf(options: JailerOptions, security: SecurityOptions): SandboxContext {
  return {
    id: options.id,
    paths: options.paths,
    ...(options.maskedPaths === undefined ? {} : { maskedPaths: options.maskedPaths }),
    ...(options.symlinks === undefined ? {} : { symlinks: options.symlinks }),
    ...(options.devices === undefined ? {} : { devices: options.devices }),
    ...(options.temporaryDirectory === undefined ? {} : { temporaryDirectory: options.temporaryDirectory }),
    // Seatbelt changes no ids; that uid and gid are of no effect there is told.
    ...(process.platform === 'darwin' ? {} : { runAs: { uid: security.uid, gid: security.gid } }),
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
 * would be stopped by another. Memory is held by the cgroup where there is one, else what there is of it by the size of the address space, which
 * is far larger.
 */
function processLimits({ resourceLimits }: SandboxContext, { enforced }: CgroupOutcome): ProcessLimits {
  const { maxOpenFiles, maxFileSize, maxProcesses, maxMemory, maxCpuTime } = resourceLimits;
  return {
    ...(maxOpenFiles === undefined ? {} : { maxOpenFiles }),
    ...(maxFileSize === undefined ? {} : { maxFileSize }),
    ...(maxMemory === undefined || enforced.memory ? {} : { maxMemory: maxMemory + addressSpaceReserve(maxProcesses) }),
    ...(maxCpuTime === undefined ? {} : { maxCpuTime }),
  };
}

const addressSpaceReserve = (maxProcesses = UNLIMITED_THREADS) =>
  ADDRESS_SPACE_BASE + ADDRESS_SPACE_PER_THREAD * maxProcesses;

function withLimits(command: ConfinedCommand, context: SandboxContext, cgroup: CgroupOutcome): ConfinedCommand {
  const rlimits = processLimits(context, cgroup);
  return {
    ...command,
    ...(cgroup.cgroupDir === undefined ? {} : { cgroupDir: cgroup.cgroupDir }),
    ...(Object.keys(rlimits).length === 0 ? {} : { rlimits }),
  };
}
