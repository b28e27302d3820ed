import type { Stage } from '../pipeline.js';
import { required, type StartContext } from '../start-context.js';

/** The kernel file, from the home's cache after the first time. */
export const guestKernel: Stage<StartContext> = {
  name: 'guest-kernel',
  async run(context) {
    const { kernelSource } = required(context, 'vmm');
    context.kernel = await context.services.kernel(context.signal, kernelSource);
  },
};
