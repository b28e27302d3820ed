import type { KernelRecord, StartOrigin, VmmSnapshot } from '@boxlite/core';

/** The capture a machine goes on from, and what else it must have. */
export interface ResumeFrom {
  readonly origin: Extract<StartOrigin, 'snapshot' | 'fork'>;
  readonly files: VmmSnapshot;
  /** Plugin id of the VMM that made it. */
  readonly vmmId: string;
  readonly kernel: KernelRecord;
  /** The disk with the agent, which the box refers to already. */
  readonly guestRootfs: string;
  /** What the embedding program gives the box anew; asked for while its processes stand still. */
  readonly renewedEnv: () => Promise<Readonly<Record<string, string>>>;
}
