import type { StageTiming } from './pipeline.js';
import type { StartContext } from './start-context.js';

/** What the timing of a stage says of how the machine came to be. */
export const startNote = ({ startedFrom }: StartContext): Pick<StageTiming, 'startedFrom'> =>
  startedFrom === undefined ? {} : { startedFrom };
