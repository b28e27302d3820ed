import { accessSync, constants, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { errnoOf, type ResourceLimits } from '@boxlite/core';
import type { CgroupController, CgroupOutcome, CgroupPrepareOptions } from './cgroup-controller.js';
import { type CgroupHost, type CgroupKnob, type CgroupLimitName, cgroupKnobs } from './cgroup-knobs.js';
import { disksUnder } from './disks-under.js';
import { type CgroupBase, findCgroupBase } from './find-cgroup-base.js';
import { readOrEmpty } from './read-or-empty.js';
import { removeCgroup } from './remove-cgroup.js';

export interface CgroupV2Options {
  /** Text of `/proc/self/mountinfo`; default: read it. */
  readonly mountinfo?: string;
  /** Text of `/proc/self/cgroup`; default: read it. */
  readonly cgroup?: string;
  /** Default: ask the kernel, for this process's effective user. */
  readonly isWritable?: (path: string) => boolean;
  /** Processors of this machine; default: count them. */
  readonly cpus?: number;
}

/** The directory all boxes' groups lie in. */
const PARENT = 'boxlite';
const CONTROLLERS = ['cpu', 'memory', 'pids', 'io'];

/**
 * Control groups of this machine: `<base>/boxlite/<box id>`, the base as {@link findCgroupBase} finds it.
 *
 * Its files are the kernel's own and never wait for a disk, so the calls are blocking ones: a start makes three dozen of them, and a turn through
 * Node's thread pool costs ten times each.
 */
export function createCgroupV2Controller(options: CgroupV2Options = {}): CgroupController {
  const mountinfo = () => options.mountinfo ?? readOrEmpty('/proc/self/mountinfo');
  const locate = (): CgroupBase =>
    findCgroupBase({
      mountinfo: mountinfo(),
      cgroup: options.cgroup ?? readOrEmpty('/proc/self/cgroup'),
      isWritable: options.isWritable ?? isWritable,
    });
  const hostOf = (limits: ResourceLimits, { ioPaths = [] }: CgroupPrepareOptions): CgroupHost => ({
    cpus: options.cpus ?? availableParallelism(),
    disks: wantsRates(limits) ? disksUnder(ioPaths, mountinfo()) : [],
  });
  return {
    async prepare(id, limits, { ioPaths = [] } = {}) {
      const base = locate();
      const knobs = cgroupKnobs(limits, hostOf(limits, { ioPaths }));
      if (base.directory === undefined) return without(knobs, base.reason);
      await clearLeftovers(join(base.directory, PARENT, id));
      return prepareGroup(base, id, knobs);
    },
    async release(id, cgroupDir) {
      const { directory } = locate();
      const groups = new Set(directory === undefined ? [] : [join(directory, PARENT, id)]);
      if (cgroupDir !== undefined && isGroupOf(id, cgroupDir)) groups.add(cgroupDir);
      for (const group of groups) await removeCgroup(group);
    },
  };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    // Every reason it cannot be written to comes to the same: not this one.
    return false;
  }
}

const wantsRates = ({ ioReadBytesPerSecond, ioWriteBytesPerSecond }: ResourceLimits) =>
  ioReadBytesPerSecond !== undefined || ioWriteBytesPerSecond !== undefined;

/** A name that was written down may be anything by now. */
const isGroupOf = (id: string, directory: string) =>
  basename(directory) === id && basename(dirname(directory)) === PARENT;

/** What the last command of this box left there, if its supervisor had no time to end it. */
async function clearLeftovers(group: string): Promise<void> {
  if (readOrEmpty(join(group, 'cgroup.events')).includes('populated 1')) await removeCgroup(group);
}

function prepareGroup(base: CgroupBase & { readonly directory: string }, id: string, knobs: readonly CgroupKnob[]) {
  const parent = join(base.directory, PARENT);
  const group = join(parent, id);
  try {
    mkdirSync(parent, { recursive: true, mode: 0o755 });
    if (base.withoutLimits === undefined) {
      enableControllers(base.directory);
      enableControllers(parent);
    }
    mkdirSync(group, { recursive: true, mode: 0o755 });
  } catch (thrown) {
    return without(knobs, `${group} cannot be made (${errnoOf(thrown) ?? String(thrown)})`);
  }
  const type = readOrEmpty(join(group, 'cgroup.type')).trim();
  if (type !== '' && type !== 'domain') {
    // Nothing could join it, which would end the start.
    rmdirSync(group);
    return without(knobs, `groups in ${base.directory} are of type "${type}"`);
  }
  const outcome = writeKnobs(group, knobs, base.withoutLimits);
  return { cgroupDir: group, ...outcome };
}

function writeKnobs(
  group: string,
  knobs: readonly CgroupKnob[],
  withoutLimits?: string,
): Omit<CgroupOutcome, 'cgroupDir'> {
  const available = new Set(readOrEmpty(join(group, 'cgroup.controllers')).trim().split(/\s+/));
  const lost = new Map<CgroupLimitName, string>();
  for (const { controller, limit, file, values, required } of knobs) {
    if (!available.has(controller)) {
      lost.set(limit, withoutLimits ?? `no ${controller} controller in ${group}`);
      continue;
    }
    try {
      for (const value of values) writeFileSync(join(group, file), value);
      if (values.length === 0) lost.set(limit, 'no disk is known whose traffic it would limit');
    } catch (thrown) {
      if (required) lost.set(limit, `${join(group, file)} cannot be set (${errnoOf(thrown) ?? String(thrown)})`);
    }
  }
  const holds = (limit: CgroupLimitName) =>
    !lost.has(limit) && knobs.some((knob) => knob.limit === limit && knob.required);
  return {
    enforced: { memory: holds('memory'), processes: holds('processes'), cpu: holds('cpu'), io: holds('io') },
    degradations: sentences(lost),
  };
}

/** One a reason, so that a host without any controller is not told of each. */
function sentences(lost: ReadonlyMap<CgroupLimitName, string>): readonly string[] {
  return [...new Set(lost.values())].map((reason) => {
    const limits = [...lost].flatMap(([limit, why]) => (why === reason ? [limit] : []));
    const what = limits.length === 1 ? `the ${limits[0]} limit is` : `the limits of ${limits.join(', ')} are`;
    return `${what} not held by a cgroup: ${reason}`;
  });
}

/** Controllers are enabled one by one: one that is missing must not keep the others from boxes. */
function enableControllers(directory: string): void {
  const file = join(directory, 'cgroup.subtree_control');
  const enabled = new Set(readOrEmpty(file).trim().split(/\s+/));
  const present = new Set(readOrEmpty(join(directory, 'cgroup.controllers')).trim().split(/\s+/));
  for (const controller of CONTROLLERS) {
    if (enabled.has(controller) || (present.size > 1 && !present.has(controller))) continue;
    try {
      writeFileSync(file, `+${controller}`);
    } catch (thrown) {
      // Absent here, or processes came to live beside the group; which limits that costs is told from the group's own cgroup.controllers.
      if (errnoOf(thrown) === 'EROFS') throw thrown;
    }
  }
}

function without(knobs: readonly CgroupKnob[], reason: string): CgroupOutcome {
  const lost = [...new Set(knobs.map((knob) => knob.limit))];
  const cost = lost.length === 0 ? 'no limit of this box needs one' : `not held for the group: ${lost.join(', ')}`;
  return {
    enforced: { memory: false, processes: false, cpu: false, io: false },
    degradations: [`no cgroup for this box: ${reason}; ${cost}`],
  };
}
