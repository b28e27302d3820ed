import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, type ResourceLimits } from '@boxlite/core';
import type { CgroupController, CgroupOutcome } from './cgroup-controller.js';
import { cgroupHierarchy, ownCgroup } from './cgroup-hierarchy.js';
import { cgroupKnobs } from './cgroup-knobs.js';
import { removeCgroup } from './remove-cgroup.js';

export interface CgroupV2Options {
  /** Text of `/proc/self/mountinfo`; default: read it. */
  readonly mountinfo?: string;
  /** Text of `/proc/self/cgroup`; default: read it. */
  readonly cgroup?: string;
  /** Default: this process's effective user. */
  readonly uid?: number;
}

/** The directory all boxes' groups lie in. */
const PARENT = 'boxlite';
const CONTROLLERS = ['cpu', 'memory', 'pids'];

/**
 * Control groups of this machine: `<base>/boxlite/<box id>`, base being the root for root and the user's systemd service for others.
 *
 * Its files are the kernel's own and never wait for a disk, so the calls are blocking ones: a start makes three dozen of them, and a turn through
 * Node's thread pool costs ten times each.
 */
export function createCgroupV2Controller(options: CgroupV2Options = {}): CgroupController {
  const locate = () => {
    const mountinfo = options.mountinfo ?? readOrEmpty('/proc/self/mountinfo');
    const cgroup = options.cgroup ?? readOrEmpty('/proc/self/cgroup');
    return locateBase(mountinfo, cgroup, options.uid ?? process.geteuid?.() ?? 0);
  };
  return {
    async prepare(id, limits) {
      const place = locate();
      if (place.base === undefined) return without(limits, place.reason);
      return prepareGroup(place.base, id, limits);
    },
    async release(id) {
      const { base } = locate();
      if (base !== undefined) await removeCgroup(join(base, PARENT, id));
    },
  };
}

type Place = { readonly base: string } | { readonly base?: undefined; readonly reason: string };

function locateBase(mountinfo: string, cgroup: string, uid: number): Place {
  const hierarchy = cgroupHierarchy(mountinfo);
  if (hierarchy.kind === 'hybrid' || hierarchy.kind === 'legacy') {
    return { reason: `this host mounts cgroup v1 controllers (${hierarchy.kind} set-up), which boxes do not use` };
  }
  if (hierarchy.kind === 'none') return { reason: 'no cgroup v2 hierarchy is mounted' };
  const own = ownCgroup(cgroup);
  if (own === undefined) return { reason: 'this process is in no cgroup v2 group' };
  if (uid === 0) return { base: hierarchy.root };
  const service = `/user.slice/user-${uid}.slice/user@${uid}.service`;
  // Moving a process needs write access to the cgroup.procs of the nearest common ancestor (cgroups(7)): the service, if we are in it.
  if (own !== service && !own.startsWith(`${service}/`)) {
    return { reason: `this process is not below ${service}; start it with systemd-run --user --scope to have limits` };
  }
  try {
    accessSync(join(hierarchy.root, service, 'cgroup.procs'), constants.W_OK);
  } catch (thrown) {
    return { reason: `${service} is not delegated to this user (${errnoOf(thrown) ?? 'unknown error'})` };
  }
  return { base: join(hierarchy.root, service) };
}

function prepareGroup(base: string, id: string, limits: ResourceLimits): CgroupOutcome {
  const parent = join(base, PARENT);
  const group = join(parent, id);
  try {
    mkdirSync(parent, { recursive: true, mode: 0o755 });
    enableControllers(base);
    enableControllers(parent);
    mkdirSync(group, { recursive: true, mode: 0o755 });
  } catch (thrown) {
    return without(limits, `${group} cannot be made (${errnoOf(thrown) ?? String(thrown)})`);
  }
  const available = new Set(readOrEmpty(join(group, 'cgroup.controllers')).trim().split(/\s+/));
  const degradations: string[] = [];
  const enforced = { memory: false, processes: false };
  for (const knob of cgroupKnobs(limits)) {
    if (!available.has(knob.controller)) {
      degradations.push(
        `the ${knob.limit} limit is not held by a cgroup: no ${knob.controller} controller in ${group}`,
      );
      continue;
    }
    try {
      writeFileSync(join(group, knob.file), knob.value);
      if (knob.required) enforced[knob.limit] = true;
    } catch (thrown) {
      if (knob.required)
        degradations.push(`${join(group, knob.file)} cannot be set (${errnoOf(thrown) ?? String(thrown)})`);
    }
  }
  return { cgroupDir: group, enforced, degradations: [...new Set(degradations)] };
}

/** Controllers are enabled one by one: one that is missing must not keep the others from boxes. */
function enableControllers(directory: string): void {
  const file = join(directory, 'cgroup.subtree_control');
  const enabled = new Set(readOrEmpty(file).trim().split(/\s+/));
  for (const controller of CONTROLLERS) {
    if (enabled.has(controller)) continue;
    try {
      writeFileSync(file, `+${controller}`);
    } catch (thrown) {
      // Absent here, or processes live beside the group; which limits that costs is told from the group's own cgroup.controllers.
      if (errnoOf(thrown) === 'EROFS') throw thrown;
    }
  }
}

function without(limits: ResourceLimits, reason: string): CgroupOutcome {
  const lost = [...new Set(cgroupKnobs(limits).map((knob) => knob.limit))];
  const cost = lost.length === 0 ? 'no limit of this box needs one' : `not held for the group: ${lost.join(', ')}`;
  return {
    enforced: { memory: false, processes: false },
    degradations: [`no cgroup for this box: ${reason}; ${cost}`],
  };
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    // A host without the file is a host without the feature; every caller treats empty as "none".
    if (errnoOf(thrown) === undefined) throw thrown;
    return '';
  }
}
