import { after, describe, it } from 'node:test';
import { runConformance, vmmHandlerConformance } from '@boxlite/core/testing';
import { defaultRegistry } from '@boxlite/sdk';
import { createVmTestHome } from '@boxlite/sdk/testing';
import kernel from '../../custom-kernel/index.js';
import q35 from '../index.js';

const home = await createVmTestHome({ registry: defaultRegistry().register(kernel) });
after(() => home[Symbol.asyncDispose]());

describe('the q35 VMM', () => {
  const cases = vmmHandlerConformance(home.vmmSetup(() => q35.create(home.context)));
  runConformance(cases, it, { timeoutMs: 300_000 });
});
