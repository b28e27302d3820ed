import { runConformance, type VmmHandlerSetup, vmmHandlerConformance } from '@boxlite/core/testing';
import { createQemuVmm } from '@boxlite/vmm-qemu';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { patience } from '../../../test/support/patience.js';
import { createVmParts, hardware, pingAgent, type VmParts } from '../../../test/support/vm-parts.js';

let parts: VmParts;
beforeAll(async () => {
  parts = await createVmParts();
});
afterAll(() => parts[Symbol.asyncDispose]());

describe('QEMU as a VMM, in bubblewrap, under the supervisor', () => {
  const createHandler = () => createQemuVmm({ hardware, machineTimeoutMs: patience(30_000) });
  // The parts are made after the suite is.
  const setup: VmmHandlerSetup = {
    createHandler,
    createMachine: (change) => parts.setup(createHandler).createMachine(change),
    ping: pingAgent,
    get guest() {
      return parts.setup(createHandler).guest;
    },
  };
  runConformance(vmmHandlerConformance(setup), it);
});
