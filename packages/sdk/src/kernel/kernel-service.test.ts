import { BoxliteError, type GuestKernel, type KernelSource, PluginRegistry } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { pluginChooser } from '../registry/plugin-chooser.js';
import type { PluginContext } from '../registry/plugin-context.js';
import { kernelService } from './kernel-service.js';

const kernelOf = (id: string): GuestKernel => ({
  path: `/kernels/${id}`,
  digest: `sha256:${'0'.repeat(64)}`,
  version: '6.1.0',
  origin: 'test',
});
const source = (id: string, priority: number, kernel: () => Promise<GuestKernel>, more: object = {}) => ({
  kind: 'kernel-source' as const,
  id,
  priority,
  specificationVersion: 'v1' as const,
  probe: async () => ({ available: true as const }),
  create: (): KernelSource => ({ id, kernel }),
  ...more,
});
const good = (id: string, priority = 0, more = {}) => source(id, priority, async () => kernelOf(id), more);
const failing = (id: string, priority: number, details: object = {}) =>
  source(id, priority, async () => {
    throw new BoxliteError('kernel_unavailable', `no guest kernel was found:\n  /${id}: nothing`, {
      hint: `install ${id}`,
      details: { places: [`/${id}: nothing`], ...details },
    });
  });
const absent = (id: string, priority: number) => ({
  ...good(id, priority),
  probe: async () => ({ available: false as const, reason: `none:\n  /${id}: empty`, remedy: `build ${id}` }),
});

function service(plugins: readonly ReturnType<typeof good>[], environment = {}) {
  const registry = new PluginRegistry();
  for (const plugin of plugins) registry.register(plugin as never);
  const log: string[] = [];
  const { choose } = pluginChooser(registry, {} as PluginContext);
  return {
    log,
    kernel: kernelService({
      ...{ registry, plugins: { choose }, home: '/nonexistent/home', environment },
      log: ({ level, message }) => log.push(`${level}: ${message}`),
    }),
  };
}
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('should have failed'),
    (thrown: unknown) => thrown as BoxliteError,
  );

describe('the kernel of a box', () => {
  it('is that of the best source which is here, never one that is to be named', async () => {
    const sources = [good('libkrunfw'), good('boxlite', 10), good('special', 99, { byNameOnly: true })];
    expect(await service(sources).kernel()).toMatchObject({ source: 'boxlite', path: '/kernels/boxlite' });
    expect((await service([good('libkrunfw'), absent('boxlite', 10)] as never).kernel()).source).toBe('libkrunfw');
  });

  it('is that of the next source when the best one turns out to be damaged, and that is told', async () => {
    const { kernel, log } = service([good('libkrunfw'), failing('boxlite', 10)]);
    expect((await kernel()).source).toBe('libkrunfw');
    expect(log).toEqual(['warn: the kernel source boxlite gives no kernel, the next one is asked']);
  });

  it('is not another one when the user has chosen a directory that is no use', async () => {
    const { kernel } = service([good('libkrunfw'), failing('boxlite', 10, { chosen: true })]);
    expect(await failure(kernel())).toMatchObject({ code: 'kernel_unavailable', details: { chosen: true } });
  });

  it('is the one that is named, by the box before the environment, or none', async () => {
    const sources = [good('libkrunfw'), good('boxlite', 10), good('special', 0, { byNameOnly: true })];
    const environment = { BOXLITE_KERNEL: 'libkrunfw' };
    expect((await service(sources, environment).kernel()).source).toBe('libkrunfw');
    expect((await service(sources, environment).kernel(undefined, 'special')).source).toBe('special');
    expect((await service(sources, { BOXLITE_LIBKRUNFW: '/lib' }).kernel()).source).toBe('libkrunfw');
    expect((await service(sources, { BOXLITE_KERNEL: '' }).kernel()).source).toBe('boxlite');
    expect(await failure(service(sources).kernel(undefined, 'nope'))).toMatchObject({ code: 'plugin_unknown' });
    const named = service([good('libkrunfw'), failing('boxlite', 10)]).kernel(undefined, 'boxlite');
    expect(await failure(named)).toMatchObject({ code: 'kernel_unavailable' });
  });

  it('is nowhere: every place of every source is named, and what each would need', async () => {
    const { kernel } = service([failing('libkrunfw', 0), absent('boxlite', 10)] as never);
    const error = await failure(kernel());
    expect(error).toMatchObject({ code: 'kernel_unavailable', hint: 'build boxlite; or install libkrunfw' });
    expect(error.message).toBe(
      'no guest kernel was found:\n  boxlite:\n    /boxlite: empty\n  libkrunfw:\n    /libkrunfw: nothing',
    );
    expect(error.details.places).toEqual(['boxlite: /boxlite: empty', 'libkrunfw: /libkrunfw: nothing']);
    expect(await failure(service([]).kernel())).toMatchObject({ code: 'plugin_none_available' });
  });

  it('is refused with the option that named its file', async () => {
    const error = await failure(service([]).kernel(undefined, '/nonexistent/vmlinux'));
    expect(error).toMatchObject({
      code: 'kernel_unavailable',
      details: { field: 'kernel', path: '/nonexistent/vmlinux' },
    });
    expect(error.message).toMatch(/^kernel "\/nonexistent\/vmlinux" is no kernel to boot: .*ENOENT/);
    const fromEnvironment = service([], { BOXLITE_KERNEL: '/nonexistent/vmlinux' }).kernel();
    expect((await failure(fromEnvironment)).message).toMatch(/^BOXLITE_KERNEL /);
  });

  it('is not told of as missing when the start was aborted', async () => {
    const aborting = source('boxlite', 10, async () => {
      throw new BoxliteError('aborted', 'finding the guest kernel: aborted');
    });
    expect(await failure(service([aborting, good('libkrunfw')]).kernel())).toMatchObject({ code: 'aborted' });
  });
});
