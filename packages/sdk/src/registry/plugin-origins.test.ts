import { type BoxRecord, type Plugin, PluginRegistry, parseBoxId } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { choosingFor, pluginOrigins } from './plugin-origins.js';

const q35: Plugin = {
  kind: 'vmm',
  id: 'q35',
  specificationVersion: 'v2',
  probe: async () => ({ available: true }),
  create: () => ({}),
};
const record = (origins?: Record<string, string>): BoxRecord => ({
  config: { id: parseBoxId('abc'), createdAt: 1, options: {}, ...(origins && { pluginOrigins: origins }) },
  state: { status: 'stopped', updatedAt: 1 },
});

describe('a box made with a plugin', () => {
  it('remembers the file of the plugin its options name, and nothing of those that are part of BoxLite', () => {
    const registry = new PluginRegistry().register(q35, '/plugins/q35.js').register({ ...q35, id: 'ours' });
    expect(pluginOrigins(registry, { vmm: 'q35' })).toEqual({ vmm: '/plugins/q35.js' });
    expect(pluginOrigins(registry, { vmm: 'ours' })).toBeUndefined();
    expect(pluginOrigins(registry, { sandbox: 'unknown' })).toBeUndefined();
    expect(pluginOrigins(registry, {})).toBeUndefined();
  });

  it('says, where the plugin is not loaded, which one it needs and with which flag it is given', async () => {
    const registry = new PluginRegistry().register({ ...q35, id: 'qemu' });
    const start = choosingFor(record({ vmm: '/plugins/q35.js' }), 'vmm', () => registry.select('vmm', 'q35'));
    await expect(start).rejects.toMatchObject({
      code: 'plugin_unknown',
      message: 'box abc needs the vmm plugin "q35" of /plugins/q35.js, which is not loaded',
      hint: 'load it with --plugin /plugins/q35.js, in a program with loadPlugins(); registered: qemu',
      details: { boxId: 'abc', kind: 'vmm', id: 'q35', origin: '/plugins/q35.js', field: 'vmm' },
    });
    await expect(choosingFor(record(), 'vmm', () => registry.select('vmm', 'nope'))).rejects.toMatchObject({
      message: 'box abc needs the vmm plugin "nope", which is not loaded',
      hint: expect.stringContaining('--plugin PATH'),
    });
  });

  it('fails as it does when something else is missing', async () => {
    const other = choosingFor(record(), 'vmm', () => new PluginRegistry().select('kernel-source', 'x'));
    await expect(other).rejects.toMatchObject({ details: { kind: 'kernel-source' } });
  });
});
