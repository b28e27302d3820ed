import { after, describe, it } from 'node:test';
import { runConformance, vmmHandlerConformance } from '@boxlite/core/testing';
import { defaultRegistry } from '@boxlite/sdk';
import { createVmTestHome } from '@boxlite/sdk/testing';
import distribution from '../../custom-kernel/index.js';
import { q35Version1 } from './version-1.js';

const home = await createVmTestHome();
after(() => home[Symbol.asyncDispose]());
const { path: kernel, initrd } = await distribution.create(home.context).kernel();

const registry = defaultRegistry().register(q35Version1(initrd));
const adapted = await registry.select('vmm', 'q35');

describe('the q35 VMM of version 1, through the adapter', () => {
  const setup = home.vmmSetup(() => adapted.create(home.context));
  const createMachine = () => home.createMachine(setup.createHandler(), { kernel });
  runConformance(vmmHandlerConformance({ ...setup, createMachine }), it, { timeoutMs: 300_000 });
});
