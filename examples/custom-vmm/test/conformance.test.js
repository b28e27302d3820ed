import { after, describe, it } from 'node:test';
import { pluginConformance, runConformance, vmmHandlerConformance } from '@boxlite/core/testing';
import { defaultRegistry } from '@boxlite/sdk';
import { createVmTestHome } from '@boxlite/sdk/testing';
import kernel from '../../custom-kernel/index.js';
import { q35Plugin } from '../index.js';

const home = await createVmTestHome({ registry: defaultRegistry().register(kernel) });
after(() => home[Symbol.asyncDispose]());

describe('the plugin', () => {
  const members = ['id', 'check', 'requirements', 'command', 'memoryOverheadMib', 'start', 'attach'];
  runConformance(pluginConformance({ createPlugin: q35Plugin, context: home.context, members }), it);
});

describe('the q35 VMM', () => {
  const cases = vmmHandlerConformance(home.vmmSetup(() => q35Plugin().create(home.context)));
  runConformance(cases, it, { timeoutMs: 300_000 });
});
