import { PluginRegistry, type ProbeResult, type SpecificationVersion } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { pluginChecks } from './plugin-checks.js';

const absent: ProbeResult = { available: false, reason: 'no hardware', remedy: 'buy some' };
const vmm = (id: string, priority: number, result: ProbeResult | Error) => ({
  kind: 'vmm' as const,
  id,
  priority,
  specificationVersion: 'v2' as SpecificationVersion<'vmm'>,
  probe: async () => {
    if (result instanceof Error) throw result;
    return result;
  },
  create: () => ({}),
});

async function vmmChecks(registry: PluginRegistry, named?: string) {
  const chosen = named === undefined ? {} : { vmm: { id: named, variable: 'BOXLITE_VMM' } };
  return (await pluginChecks(registry, chosen)).filter(({ facts }) => facts.kind === 'vmm');
}

describe('pluginChecks', () => {
  it('lists every plugin in the order of selection, with the one chosen by default, and why another is not available', async () => {
    const registry = new PluginRegistry()
      .register(vmm('second', 1, { available: true }))
      .register(vmm('first', 10, absent))
      .register(vmm('third', 0, { available: true, detail: 'works' }), '/plugins/third.mjs');
    expect(await vmmChecks(registry)).toEqual([
      {
        id: 'vmm:first',
        status: 'warning',
        detail: 'no hardware',
        remedy: 'buy some',
        facts: { kind: 'vmm', plugin: 'first', available: false, default: false, origin: undefined },
      },
      {
        id: 'vmm:second',
        status: 'ok',
        detail: 'available',
        facts: { kind: 'vmm', plugin: 'second', available: true, default: true, origin: undefined },
      },
      {
        id: 'vmm:third',
        status: 'ok',
        detail: 'works',
        facts: { kind: 'vmm', plugin: 'third', available: true, default: false, origin: '/plugins/third.mjs' },
      },
    ]);
  });

  it('fails each plugin of a kind of which none is available, also one whose probe throws', async () => {
    const registry = new PluginRegistry().register(vmm('a', 0, absent)).register(vmm('b', 0, new Error('broken')));
    const checks = await vmmChecks(registry);
    expect(checks.map(({ status }) => status)).toEqual(['failed', 'failed']);
    expect(checks[1]?.detail).toContain('broken');
  });

  it('takes the one BOXLITE_VMM names as the default, and fails it when it is not available or not there', async () => {
    const registry = new PluginRegistry().register(vmm('a', 1, { available: true })).register(vmm('b', 0, absent));
    const defaults = async (named: string) =>
      (await vmmChecks(registry, named)).map(({ id, status, facts }) => [id, status, facts.default]);
    expect(await defaults('a')).toEqual([
      ['vmm:a', 'ok', true],
      ['vmm:b', 'warning', false],
    ]);
    expect(await defaults('b')).toEqual([
      ['vmm:a', 'ok', false],
      ['vmm:b', 'failed', false],
    ]);
    expect(await defaults('c')).toEqual([
      ['vmm:a', 'ok', false],
      ['vmm:b', 'warning', false],
      ['vmm:c', 'failed', false],
    ]);
  });

  it('fails every kind a box needs of which no plugin is registered', async () => {
    expect((await pluginChecks(new PluginRegistry())).map(({ id, status }) => [id, status])).toEqual([
      ['vmm:none', 'failed'],
      ['sandbox:none', 'failed'],
      ['kernel-source:none', 'failed'],
      ['image-source:none', 'failed'],
      ['disk-store:none', 'failed'],
    ]);
  });
});
