import type { Stage } from '../pipeline.js';
import type { StartContext } from '../start-context.js';

/** The kernel file, from the home's cache after the first time. */
export const guestKernel: Stage<StartContext> = {
  name: 'guest-kernel',
  async run(context) {
    context.kernel = await context.services.kernel(context.signal);
  },
};
