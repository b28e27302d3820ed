import { runConformance, type VmmHandlerSetup, vmmHandlerConformance } from '@boxlite/core/testing';
import { createLibkrunVmm, findLibkrun, type LibkrunLibrary } from '@boxlite/vmm-libkrun';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createVmParts, hardware, pingAgent, type VmParts } from '../../../test/support/vm-parts.js';
import { kvmAbsence } from './support/kvm-absence.js';

const absence = await kvmAbsence();

describe.skipIf(absence !== undefined)(`libkrun as a VMM, in bubblewrap, under the supervisor${absence ?? ''}`, () => {
  let parts: VmParts;
  let library: LibkrunLibrary;
  beforeAll(async () => {
    [parts, library] = await Promise.all([createVmParts(), findLibkrun()]);
  });
  afterAll(() => parts[Symbol.asyncDispose]());
  const createHandler = () => createLibkrunVmm({ hardware, library });
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
