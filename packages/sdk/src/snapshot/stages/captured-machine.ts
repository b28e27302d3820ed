import { digestHex } from '@boxlite/core';
import type { Stage } from '../../init/pipeline.js';
import { required, type StartContext } from '../../init/start-context.js';

/** What the captured machine has in memory already must be what the new one has: its VMM, its kernel, the disk with its agent. */
export const capturedMachine: Stage<StartContext> = {
  name: 'guest-kernel',
  async run(context) {
    const { services } = context;
    const { vmmId, kernel, guestRootfs } = required(context, 'resume');
    const path = services.layout.kernel(digestHex(kernel.digest));
    context.vmm = await services.vmm(vmmId);
    context.kernel = { ...kernel, path, origin: path };
    context.guestRootfsPath = guestRootfs;
  },
};
