import { type Plugin, PluginRegistry, type ProbeResult } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { pluginChooser } from './plugin-chooser.js';
import type { PluginContext } from './plugin-context.js';

const context = {} as PluginContext;

function counted(result: ProbeResult) {
  const calls = { probes: 0, creates: 0 };
  const plugin: Plugin = {
    kind: 'vmm',
    id: 'counted',
    specificationVersion: 'v2',
    async probe() {
      calls.probes += 1;
      return result;
    },
    create(given) {
      calls.creates += 1;
      return { given };
    },
  };
  return { calls, chooser: pluginChooser(new PluginRegistry().register(plugin), context) };
}

describe('choosing plugins', () => {
  it('attaches to what runs without a probe, also where a start would be refused', async () => {
    const { calls, chooser } = counted({ available: false, reason: 'gone', remedy: 'bring it back' });
    expect(await chooser.toAttach('vmm', 'counted')).toEqual({ given: context });
    expect(calls).toEqual({ probes: 0, creates: 1 });
    await expect(chooser.choose('vmm', 'counted')).rejects.toMatchObject({ code: 'plugin_none_available' });
  });

  it('creates each plugin once, however it is asked for', async () => {
    const { calls, chooser } = counted({ available: true });
    const made = [
      await chooser.toAttach('vmm', 'counted'),
      await chooser.choose('vmm'),
      await chooser.choose('vmm', 'counted'),
    ];
    expect(new Set(made).size).toBe(1);
    expect(calls).toEqual({ probes: 1, creates: 1 });
  });

  it('has nothing to attach with for a plugin that is not loaded', async () => {
    expect(await counted({ available: true }).chooser.toAttach('vmm', 'other')).toBeUndefined();
  });
});
