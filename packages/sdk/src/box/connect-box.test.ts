import type { BoxRecord, RunningVm, SupervisedVm, VmmHandler } from '@boxlite/core';
import { parseBoxId } from '@boxlite/core';
import { createHomeLayout } from '@boxlite/layout';
import { describe, expect, it } from 'vitest';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { connectBox } from './connect-box.js';

const box = createHomeLayout('/nonexistent/home').box('abc');

function running(vmmId: string | undefined) {
  const supervised = {
    welcome: { supervisor: { pid: 1, startTime: 1 }, vmm: { pid: 2, startTime: 2 }, detached: true },
    channel: { name: 'the channel' },
    stop: async (graceMs: number) => ({ kind: 'Clean', reason: 'shutdown', graceMs }),
  } as unknown as SupervisedVm;
  const attached = { attached: true } as unknown as RunningVm;
  const services = {
    supervisor: async () => ({ connect: async () => supervised }),
    vmm: async () => {
      throw new Error('a VMM was chosen, which probes it');
    },
    vmmToAttach: async (id: string) =>
      id === 'loaded' ? ({ attach: () => attached } as unknown as VmmHandler) : undefined,
    agent: async () => ({ agent: true }),
  } as unknown as RuntimeServices;
  const record: BoxRecord = {
    config: { id: parseBoxId('abc'), createdAt: 1, options: {} },
    state: { status: 'running', updatedAt: 1, ...(vmmId === undefined ? {} : { vmmId }) },
  };
  return { supervised, attached, connect: () => connectBox(services, record, box) };
}

describe('connecting to a box that runs', () => {
  it('attaches with the VMM that started it, without choosing or probing one', async () => {
    const { attached, connect } = running('loaded');
    expect((await connect()).vm).toBe(attached);
  });

  it('does without the plugin of a VMM that is not loaded: everything goes over the supervisor', async () => {
    const { supervised, connect } = running('of-a-stranger');
    const { vm } = await connect();
    expect(vm.identity).toEqual({ pid: 2, startTime: 2 });
    expect(vm.channel).toBe(supervised.channel);
    expect(await vm.stop(7)).toEqual({ kind: 'Clean', reason: 'shutdown', graceMs: 7 });
    expect(vm.pause).toBeUndefined();
  });

  it('does so as well when nobody recorded which VMM it is', async () => {
    const { supervised, connect } = running(undefined);
    expect((await connect()).vm.channel).toBe(supervised.channel);
  });
});
