import type { ResourceLimits } from '@boxlite/core';

/** What became of the cgroup of one box. */
export interface CgroupOutcome {
  /** The directory stage A joins; absent where there is none to join. */
  readonly cgroupDir?: string;
  /** Limits the kernel now holds for the whole group. */
  readonly enforced: { readonly memory: boolean; readonly processes: boolean };
  /** Sentences about what could not be had. */
  readonly degradations: readonly string[];
}

/** Makes and removes the cgroup of a box. `prepare` never throws for "not here": a host without cgroups runs boxes with less. */
export interface CgroupController {
  prepare(id: string, limits: ResourceLimits): Promise<CgroupOutcome>;
  /**
   * Kills what is left in the group and removes it. Idempotent.
   * @throws BoxliteError `storage_error` when the directory cannot be removed
   */
  release(id: string): Promise<void>;
}
