import { describe, expect, it } from 'vitest';
import type { Plugin, ProbeResult } from '../contracts/plugin.js';
import { PluginRegistry } from './plugin-registry.js';

function vmm(id: string, result: ProbeResult, extra: Partial<Plugin> = {}): Plugin & { probes: number } {
  const plugin = {
    kind: 'vmm' as const,
    id,
    specificationVersion: 'v2' as const,
    probes: 0,
    async probe() {
      plugin.probes += 1;
      return result;
    },
    create: () => id,
    ...extra,
  };
  return plugin;
}

const HERE: ProbeResult = { available: true };
const NOT_HERE: ProbeResult = { available: false, reason: 'no /dev/kvm', remedy: 'modprobe kvm' };

describe('the plugin registry', () => {
  it('chooses the first available by priority, then by registration', async () => {
    const registry = new PluginRegistry()
      .register(vmm('slow', HERE))
      .register(vmm('fast-but-missing', NOT_HERE, { priority: 20 }))
      .register(vmm('fast', HERE, { priority: 10 }))
      .register(vmm('also-fast', HERE, { priority: 10 }));
    expect((await registry.select('vmm')).id).toBe('fast');
  });

  it('takes the explicit choice over any priority, and nothing else when that one is missing', async () => {
    const registry = new PluginRegistry().register(vmm('best', HERE, { priority: 9 })).register(vmm('mine', NOT_HERE));
    expect((await registry.select('vmm', 'best')).id).toBe('best');
    await expect(registry.select('vmm', 'mine')).rejects.toMatchObject({
      code: 'plugin_none_available',
      message: expect.stringContaining('mine: no /dev/kvm (modprobe kvm)'),
    });
  });

  it('lists every candidate with reason and remedy when none is available', async () => {
    const registry = new PluginRegistry()
      .register(vmm('one', NOT_HERE))
      .register(vmm('two', { available: false, reason: 'no qemu', remedy: 'apt-get install qemu-system-x86' }));
    await expect(registry.select('vmm')).rejects.toMatchObject({
      code: 'plugin_none_available',
      message:
        'no vmm is available here:\n  one: no /dev/kvm (modprobe kvm)\n  two: no qemu (apt-get install qemu-system-x86)',
      details: { kind: 'vmm', candidates: [{ id: 'one' }, { id: 'two' }] },
    });
  });

  it('names what is registered when the explicit choice is unknown', async () => {
    const registry = new PluginRegistry().register(vmm('qemu', HERE));
    await expect(registry.select('vmm', 'qmeu')).rejects.toMatchObject({
      code: 'plugin_unknown',
      hint: 'registered: qemu',
    });
  });

  it('treats a probe that throws as unavailable', async () => {
    const broken = vmm('broken', HERE, {
      probe: async () => {
        throw new Error('boom');
      },
    });
    await expect(new PluginRegistry().register(broken).select('vmm')).rejects.toMatchObject({
      message: expect.stringContaining('broken: its probe failed: boom'),
    });
  });

  it('probes each plugin at most once', async () => {
    const plugin = vmm('qemu', HERE);
    const registry = new PluginRegistry().register(plugin);
    await Promise.all([registry.select('vmm'), registry.select('vmm'), registry.probeAll('vmm')]);
    expect(plugin.probes).toBe(1);
  });

  it('gives a plugin for attaching without probing it, once it is loaded', async () => {
    let loads = 0;
    const plugin = vmm('qemu', NOT_HERE, {
      load: async () => {
        loads += 1;
      },
    });
    const registry = new PluginRegistry().register(plugin).register(vmm('old', HERE, { specificationVersion: 'v1' }));
    expect((await registry.unprobed('vmm', 'qemu')).id).toBe('qemu');
    expect((await registry.unprobed('vmm', 'old')).id).toBe('old');
    expect([plugin.probes, loads]).toEqual([0, 1]);
    await expect(registry.unprobed('vmm', 'other')).rejects.toMatchObject({ code: 'plugin_unknown' });
  });

  it.each([
    ['plugin_invalid', { kind: 'database' }],
    ['plugin_invalid', { id: 'Not An Id' }],
    ['plugin_invalid', { probe: undefined }],
    ['plugin_invalid', { create: 'later' }],
    ['plugin_version', { specificationVersion: 'v0' }],
  ])('refuses a malformed plugin at registration with its own code: %s %o', (code, change) => {
    const plugin = { ...vmm('x', HERE), ...change } as Plugin;
    expect(() => new PluginRegistry().register(plugin)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses a second plugin of the same kind and id', () => {
    const registry = new PluginRegistry().register(vmm('qemu', HERE));
    expect(() => registry.register(vmm('qemu', HERE))).toThrow(expect.objectContaining({ code: 'plugin_duplicate' }));
  });
});
