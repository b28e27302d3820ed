import { runConformance, vmmHandlerConformance } from '@boxlite/core/testing';
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
  const setup = { createHandler, createMachine: () => parts.createMachine(createHandler()), ping: pingAgent };
  runConformance(vmmHandlerConformance(setup), it);
});
