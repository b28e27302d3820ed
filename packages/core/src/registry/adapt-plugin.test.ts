import { describe, expect, it } from 'vitest';
import type { Plugin } from '../contracts/plugin.js';
import type { VmmHandlerV1 } from '../contracts/v1/vmm-handler-v1.js';
import type { VmmHandler, VmmSpec } from '../contracts/vmm-handler.js';
import { PluginRegistry } from './plugin-registry.js';

const spec: VmmSpec = {
  boxId: 'box',
  vcpus: 1,
  memoryMib: 128,
  kernel: '/kernel',
  commandLine: [],
  disks: [],
  shares: [],
  nics: [],
  agentSocket: '/agent.sock',
};

/** A handler of version 1 that keeps what it was given. */
function oldHandler() {
  const given: unknown[] = [];
  const keep = (...args: unknown[]) => void given.push(args);
  const command = { binary: '/vmm', args: [], env: {}, listeners: [] };
  const vm = { attached: true };
  const handler = {
    id: 'old',
    check: keep,
    requirements: async (of: unknown) => {
      keep(of);
      return { paths: [], devices: [] };
    },
    command: (of: unknown) => {
      keep(of);
      return command;
    },
    memoryOverheadMib: () => 7,
    start: async (...args: unknown[]) => {
      keep(...args);
      return vm;
    },
    attach: (...args: unknown[]) => {
      keep(...args);
      return vm;
    },
  };
  return { handler: handler as unknown as VmmHandlerV1, given, command, vm };
}

function plugin(specificationVersion: unknown, create: () => unknown = () => ({})): Plugin {
  return {
    kind: 'vmm',
    id: 'old',
    specificationVersion: specificationVersion as 'v1',
    priority: 3,
    probe: async () => ({ available: true, detail: 'version 9' }),
    create,
  };
}

async function adapted(create: () => unknown): Promise<VmmHandler> {
  const chosen = await new PluginRegistry().register(plugin('v1', create)).select('vmm', 'old');
  return chosen.create(undefined) as VmmHandler;
}

describe('a plugin made for an older version of its contract', () => {
  it('is taken and runs through an adapter: each call reaches it with what that version knows', async () => {
    const { handler, given, command, vm } = oldHandler();
    const present = await adapted(() => handler);
    const host = { name: 'the host' };
    const signal = new AbortController().signal;
    expect(present.id).toBe('old');
    present.check({ ...spec, binDir: '/box/bin' });
    expect(await present.requirements(spec)).toEqual({ paths: [], devices: [] });
    expect(present.command(spec)).toBe(command);
    expect(present.memoryOverheadMib(spec)).toBe(7);
    expect(await present.start(spec, host as never, signal)).toBe(vm);
    const listenerPath = (name: string) => name;
    expect(present.attach('supervised' as never, listenerPath)).toBe(vm);
    expect(given).toEqual([[spec], [spec], [spec], [spec, host, signal], ['supervised', listenerPath]]);
  });

  it.each([
    [{ initrd: '/initrd' }, { field: 'initrd', path: '/initrd' }],
    [{ from: { memory: '/memory', state: '/state' } }, { field: 'from' }],
  ])(
    'refuses a machine with what that version does not know (%o), wherever it is asked, and the old plugin never sees it',
    async (change, details) => {
      const { handler, given } = oldHandler();
      const present = await adapted(() => handler);
      const newer = { ...spec, ...change };
      const refusal = expect.objectContaining({
        code: 'unsupported',
        message: expect.stringContaining('"old" is made for version v1'),
        hint: expect.stringContaining('update the plugin'),
        details,
      });
      expect(() => present.check(newer)).toThrow(refusal);
      expect(() => present.command(newer)).toThrow(refusal);
      await expect(present.requirements(newer)).rejects.toEqual(refusal);
      await expect(present.start(newer, {} as never)).rejects.toEqual(refusal);
      expect('restore' in present || 'snapshotKey' in present).toBe(false);
      expect(given).toEqual([]);
    },
  );

  it('keeps its id and priority, and its probe says that an adapter is in use', async () => {
    const registry = new PluginRegistry().register(plugin('v1'));
    const [{ plugin: present, result } = { plugin: undefined, result: undefined }] = await registry.probeAll('vmm');
    expect(present).toMatchObject({ id: 'old', priority: 3, specificationVersion: 'v2' });
    expect(result).toEqual({
      available: true,
      detail: 'version 9; made for version v1 of the contract, used through an adapter',
    });
  });

  it('is taken as it is when it is made for the present version', async () => {
    const present = plugin('v2');
    expect(new PluginRegistry().register(present).list('vmm')[0]).toBe(present);
  });
});

describe('a plugin of an unknown contract version', () => {
  it.each([
    ['v3', 'update @boxlite/core'],
    ['v0', 'update the plugin'],
    ['1.0', 'update the plugin'],
    ['constructor', 'update the plugin'],
    [undefined, 'update the plugin'],
  ])('is refused, with the versions that are supported and what to update: %j', (version, advice) => {
    expect(() => new PluginRegistry().register(plugin(version))).toThrow(
      expect.objectContaining({
        code: 'plugin_version',
        message: `vmm plugin "old" is made for version ${JSON.stringify(version)} of its contract; this @boxlite/core supports v2, and v1 through an adapter`,
        hint: expect.stringContaining(advice),
        details: { kind: 'vmm', id: 'old', version, supported: ['v2', 'v1'], field: 'specificationVersion' },
      }),
    );
  });

  it('is judged by the version of its own contract', () => {
    const sandbox = { ...plugin('v2'), kind: 'sandbox' as const };
    expect(() => new PluginRegistry().register(sandbox)).toThrow(
      /"v2" of its contract; this @boxlite\/core supports v1$/,
    );
  });
});
