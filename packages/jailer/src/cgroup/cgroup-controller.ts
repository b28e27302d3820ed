import type { ResourceLimits } from '@boxlite/core';

/** What became of the cgroup of one box. */
export interface CgroupOutcome {
  /** The directory stage A joins; absent where there is none to join. */
  readonly cgroupDir?: string;
  /** Limits the kernel now holds for the whole group. */
  readonly enforced: {
    readonly memory: boolean;
    readonly processes: boolean;
    readonly cpu?: boolean;
    readonly io?: boolean;
  };
  /** Sentences about what could not be had. */
  readonly degradations: readonly string[];
}

/** What limits of disk traffic need to know. */
export interface CgroupPrepareOptions {
  /** Files and directories on the disks meant. */
  readonly ioPaths?: readonly string[];
}

/** Makes and removes the cgroup of a box. `prepare` never throws for "not here": a host without cgroups runs boxes with less. */
export interface CgroupController {
  /**
   * What an earlier command of this id left running is ended first.
   * @throws BoxliteError `storage_error` when that does not end
   */
  prepare(id: string, limits: ResourceLimits, options?: CgroupPrepareOptions): Promise<CgroupOutcome>;
  /**
   * Kills what is left in the group and removes it. Idempotent.
   * @param cgroupDir the group as `prepare` named it, kept by whoever releases from another process: that may stand elsewhere in the hierarchy, from
   *   where another place would be found
   * @throws BoxliteError `storage_error` when the directory cannot be removed
   */
  release(id: string, cgroupDir?: string): Promise<void>;
}
