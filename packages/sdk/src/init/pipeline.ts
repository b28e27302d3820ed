import type { StartOrigin } from '@boxlite/core';

/** The stages of a start, in the order in which a person sees them. */
export type StageName =
  | 'filesystem-setup'
  | 'container-rootfs'
  | 'guest-rootfs'
  | 'guest-kernel'
  | 'vmm-spawn'
  | 'guest-connect'
  | 'guest-init'
  | 'guest-renew';

/** One step of the pipeline over a shared context. */
export interface Stage<Context> {
  readonly name: StageName;
  run(context: Context): Promise<void>;
  /** What its timing says besides. */
  note?(context: Context): Pick<StageTiming, 'startedFrom'>;
}

/** How long a stage took, in milliseconds since the start of the pipeline. */
export interface StageTiming {
  readonly name: StageName;
  readonly startMs: number;
  readonly durationMs: number;
  /** Of the stages that make the machine: whether it boots or goes on from a snapshot. A later stage may have had to boot it after all. */
  readonly startedFrom?: StartOrigin;
}

/** Told when a stage begins (`timing` absent) and when it has ended. */
export type StageListener = (name: StageName, timing?: StageTiming) => void;

export interface PipelineOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onStage?: StageListener | undefined;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/**
 * Runs groups of stages one after another; the stages of a group run in parallel. When one of a group fails the others are awaited before the
 * error goes on, so that nothing still works on the context while it is being cleaned up.
 * @returns the timing of each stage, in order of completion
 */
export async function runPipeline<Context>(
  groups: readonly (readonly Stage<Context>[])[],
  context: Context,
  { signal, onStage, now = () => performance.now() }: PipelineOptions = {},
): Promise<readonly StageTiming[]> {
  const begin = now();
  const timings: StageTiming[] = [];
  const runStage = async (stage: Stage<Context>): Promise<void> => {
    const startMs = now() - begin;
    onStage?.(stage.name);
    await stage.run(context);
    const timing = { name: stage.name, startMs, durationMs: now() - begin - startMs, ...stage.note?.(context) };
    timings.push(timing);
    onStage?.(stage.name, timing);
  };
  for (const group of groups) {
    signal?.throwIfAborted();
    const results = await Promise.allSettled(group.map(runStage));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
  signal?.throwIfAborted();
  return timings;
}
