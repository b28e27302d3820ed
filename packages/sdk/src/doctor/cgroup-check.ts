import type { CgroupController, CgroupHierarchy, CgroupOutcome } from '@boxlite/jailer';
import type { Check } from './check.js';

/** What this machine mounts, and what became of a group made for a trial. */
export interface CgroupFacts {
  readonly hierarchy: CgroupHierarchy;
  readonly outcome: CgroupOutcome;
}

/** Far more than anything needs: the group of the trial stays empty. */
const TRIAL_LIMITS = { maxMemory: 1024 ** 3, maxProcesses: 64, cpuWeight: 100 };

/** Makes a box's group as a start does, and removes it. */
export async function tryCgroup(controller: CgroupController): Promise<CgroupOutcome> {
  const id = `doctor-${process.pid}`;
  try {
    return await controller.prepare(id, TRIAL_LIMITS);
  } finally {
    await controller.release(id);
  }
}

/** Facts: `hierarchy` (`pure`, `hybrid`, `legacy`, `none`), `controllers` a box gets of memory, pids and cpu, `degradations`. */
export function cgroupCheck({ hierarchy, outcome }: CgroupFacts): Check {
  const { enforced, degradations } = outcome;
  const controllers = CONTROLLERS.filter(([, limit]) => enforced[limit] === true).map(([name]) => name);
  const common = { id: 'cgroups', facts: { hierarchy: hierarchy.kind, controllers, degradations } };
  // What a box is promised is memory and processes; processors are shared by their scheduler anyway.
  if (enforced.memory && enforced.processes) {
    return { ...common, status: 'ok', detail: `version 2; boxes get the controllers ${controllers.join(', ')}` };
  }
  const lost = (['memory', 'pids'] as const).filter((name) => !controllers.includes(name)).join(' and ');
  const why = hierarchy.kind === 'pure' && degradations[0] !== undefined ? `: ${degradations[0]}` : '';
  return {
    ...common,
    status: 'warning',
    detail: `${KINDS[hierarchy.kind]}; boxes get no controller for ${lost}${why}`,
    remedy: REMEDIES[hierarchy.kind],
  };
}

const CONTROLLERS = [
  ['memory', 'memory'],
  ['pids', 'processes'],
  ['cpu', 'cpu'],
] as const;

const KINDS: Readonly<Record<CgroupHierarchy['kind'], string>> = {
  pure: 'version 2',
  hybrid: 'hybrid (version 1, with a version 2 that has no controllers)',
  legacy: 'version 1',
  none: 'not mounted',
};
const UNIFIED =
  'boot with the kernel parameter systemd.unified_cgroup_hierarchy=1 (the default of systemd 247 and later)';
const REMEDIES: Readonly<Record<CgroupHierarchy['kind'], string>> = {
  pure:
    'start it where a part of the hierarchy is delegated to you: "systemd-run --user --scope -p Delegate=yes boxlite …"; in a container: ' +
    '--cgroupns=private with a writable /sys/fs/cgroup',
  hybrid: UNIFIED,
  legacy: UNIFIED,
  none: 'mount it: "sudo mount -t cgroup2 none /sys/fs/cgroup"',
};
