import { type Plugin, PluginRegistry, type Sandbox } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { chooseSandbox, type SandboxChoice } from './choose-sandbox.js';
import { pluginChooser } from './plugin-chooser.js';
import type { PluginContext } from './plugin-context.js';

const context = { id: 'b', paths: [], resourceLimits: {}, networkEnabled: false };

function plugin(id: string, isAvailable: boolean, parts: Partial<Sandbox & Plugin> = {}): Plugin {
  const { byNameOnly, priority, ...sandbox } = parts;
  const answer = isAvailable
    ? { available: true as const }
    : { available: false as const, reason: `no ${id}`, remedy: `get ${id}` };
  const made: Sandbox = {
    name: id,
    isAvailable: async () => answer,
    setup: async () => ({ degradations: [], layers: [] }),
    apply: (_context, command) => ({ ...command, args: [id, ...command.args], pidReport: { kind: 'self' } }),
    ...sandbox,
  };
  return {
    kind: 'sandbox',
    id,
    specificationVersion: 'v1',
    probe: async () => answer,
    create: () => made,
    ...(byNameOnly === undefined ? {} : { byNameOnly }),
    ...(priority === undefined ? {} : { priority }),
  };
}

const bwrap = (isAvailable = true) => plugin('bwrap', isAvailable, { buildsView: true });
const landlock = (isAvailable = true) => plugin('landlock', isAvailable, { byNameOnly: true });

function choose(plugins: readonly Plugin[], choice: Partial<SandboxChoice> = {}): Promise<Sandbox> {
  const registry = plugins.reduce((all, one) => all.register(one), new PluginRegistry());
  return chooseSandbox(pluginChooser(registry, {} as PluginContext), { security: {}, ...choice });
}

const around = (sandbox: Sandbox) => sandbox.apply(context, { binary: '/x', args: [], env: {} }).args;

describe('the sandbox of a box', () => {
  it('is the default with Landlock inside it', async () => {
    const sandbox = await choose([bwrap(), landlock()]);
    expect(sandbox.name).toBe('bwrap+landlock');
    expect((await sandbox.setup(context)).degradations).toEqual([]);
    expect(around(sandbox)).toEqual(['bwrap', 'landlock']);
  });

  it('does without Landlock, and says so, where the kernel has none', async () => {
    const sandbox = await choose([bwrap(), landlock(false)]);
    expect(await sandbox.isAvailable()).toEqual({ available: true });
    const { degradations, layers } = await sandbox.setup(context);
    expect(degradations).toEqual(['not confined by landlock: no landlock; get landlock']);
    expect(layers).toEqual([{ name: 'landlock', state: 'inactive', detail: 'no landlock' }]);
    expect(around(sandbox)).toEqual(['bwrap']);
  });

  it('is never Landlock alone by default: without a view a start is refused', async () => {
    await expect(choose([bwrap(false), landlock()])).rejects.toMatchObject({
      code: 'plugin_none_available',
      message: expect.stringContaining('no bwrap'),
    });
  });

  it('is a sandbox without a view as it is', async () => {
    expect((await choose([plugin('custom', true, { priority: 20 }), bwrap(), landlock()])).name).toBe('custom');
  });

  it('is what was named, all of it', async () => {
    const all = [bwrap(), landlock()];
    expect((await choose(all, { sandbox: 'bwrap' })).name).toBe('bwrap');
    expect((await choose(all, { sandbox: 'landlock' })).name).toBe('landlock');
    const both = await choose(all, { sandbox: 'bwrap+landlock' });
    expect(around(both)).toEqual(['bwrap', 'landlock']);
    for (const sandbox of ['landlock', 'bwrap+landlock']) {
      await expect(choose([bwrap(), landlock(false)], { sandbox })).rejects.toMatchObject({
        code: 'plugin_none_available',
        message: expect.stringContaining('no landlock'),
      });
    }
    await expect(choose(all, { sandbox: 'bwrap+nothing' })).rejects.toMatchObject({ code: 'plugin_unknown' });
    await expect(choose(all, { sandbox: 'bwrap+' })).rejects.toMatchObject({ code: 'plugin_unknown' });
  });

  describe('with best-effort', () => {
    const security = { jailer: 'best-effort' } as const;

    it('is Landlock alone where there is no view, which is told', async () => {
      const sandbox = await choose([bwrap(false), landlock()], { security });
      expect(await sandbox.isAvailable()).toEqual({ available: true });
      expect((await sandbox.setup(context)).degradations.join()).toContain('no bwrap');
      expect(around(sandbox)).toEqual(['landlock']);
    });

    it('is what there is of what was named', async () => {
      const sandbox = await choose([bwrap(), landlock(false)], { sandbox: 'bwrap+landlock', security });
      expect((await sandbox.setup(context)).degradations.join()).toContain('no landlock');
      expect(around(sandbox)).toEqual(['bwrap']);
    });

    it('says that none is available where there is nothing', async () => {
      const sandbox = await choose([bwrap(false), landlock(false)], { security });
      expect(await sandbox.isAvailable()).toMatchObject({
        available: false,
        reason: expect.stringContaining('no bwrap'),
      });
    });
  });
});
