import { vmmHandlerConformance } from '@boxlite/core/testing';
import { afterAll, beforeAll } from 'vitest';
import { mutantTests } from '../../../core/test/mutants/mutant-tests.js';
import { modelVmSetup } from '../support/model-vm-setup.js';
import { buildNative } from '../support/native-build.js';
import { capturingMutants } from './vmm/capturing-mutants.js';
import { litter, type Mutation } from './vmm/mutations.js';
import { runningMutants } from './vmm/running-mutants.js';
import { startingMutants } from './vmm/starting-mutants.js';

beforeAll(() => buildNative('all', 'build/fixture-machine'));
afterAll(() => {
  for (const remove of litter) remove();
});

mutantTests<Mutation>('VmmHandler', (mutation) => vmmHandlerConformance(modelVmSetup(mutation)), [
  ...startingMutants,
  ...runningMutants,
  ...capturingMutants,
]);
