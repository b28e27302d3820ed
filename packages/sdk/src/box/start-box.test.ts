import { existsSync, mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BoxliteError, type BoxRecord, type BoxStateRecord, parseBoxId, type VmmSpec } from '@boxlite/core';
import { type BoxLayout, createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { startBox } from './start-box.js';

let base: string;
let layout: HomeLayout;
let box: BoxLayout;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-start-'));
  layout = createHomeLayout(join(base, 'home'), { linkRoot: base });
  await layout.prepare();
  box = layout.box('abc');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const requirements = async () => ({ paths: [], devices: [] });

/** Services of a machine that comes up; a test replaces what shall fail. */
function machine(overrides: object = {}) {
  const events: string[] = [];
  let state: BoxStateRecord | undefined = { status: 'configured', updatedAt: 1 };
  const record = { config: { id: parseBoxId('abc'), createdAt: 1, options: {} }, state } as BoxRecord;
  const vm = {
    identity: { pid: 12, startTime: 34 },
    channel: {},
    wait: () => new Promise(() => undefined),
    kill: async () => void events.push('VM killed'),
    close: async () => void events.push('connection closed'),
  };
  const jail = { name: 'fake', release: async () => void events.push('jail released') };
  const agent = { hello: Promise.resolve({}), init: async () => undefined };
  const services = {
    layout,
    metrics: { boxesFailed: 0 },
    log: ({ message }: { message: string }) => void events.push(message),
    vmm: async () => ({
      id: 'fake',
      check: () => undefined,
      requirements,
      start: async () => vm,
    }),
    resolveImage: async () => ({ config: { env: [] } }),
    imageDisk: async () => ({ path: '/base.ext4', release: async () => undefined }),
    disks: async () => ({ id: 'qcow2', createChild: async () => ({ format: 'qcow2' }) }),
    guestRootfs: async () => ({
      rootfs: { path: '/guest.ext4' },
      recordUse: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    }),
    kernel: async () => ({ path: '/kernel' }),
    supervisor: async () => ({}),
    jail: async () => jail,
    agent: async () => agent,
    store: {
      snapshots: { list: async () => [] },
      boxes: {
        get: async () => (state === undefined ? undefined : { ...record, state }),
        update: async (_id: string, change: (current: BoxStateRecord) => BoxStateRecord) => {
          if (state === undefined) throw new BoxliteError('not_found', 'no such box');
          state = change(state);
          return state;
        },
      },
    },
    ...overrides,
  } as unknown as RuntimeServices;
  return {
    events,
    services,
    start: () => startBox(services, record, box, {}),
    state: () => state,
    vanish: () => {
      state = undefined;
    },
  };
}

const refusing = (message: string) => async () => ({
  hello: Promise.reject(new BoxliteError('agent_protocol', message)),
});

describe('a start that fails', () => {
  it('stops the VM, keeps the files, marks the record as failed with the reason, and counts it', async () => {
    const { services, events, start, state } = machine({ agent: refusing('it speaks another language') });
    await expect(start()).rejects.toMatchObject({ code: 'agent_protocol', message: 'it speaks another language' });
    expect(events).toEqual(['VM killed', 'connection closed', 'jail released']);
    expect(state()).toMatchObject({ status: 'failed', errorReason: 'it speaks another language' });
    expect(services.metrics.boxesFailed).toBe(1);
    expect(existsSync(box.stderrFile)).toBe(true);
  });

  it('says where the files are and how to remove the box', async () => {
    const { start } = machine({ agent: refusing('no') });
    await expect(start()).rejects.toMatchObject({
      hint: expect.stringMatching(new RegExp(`${box.dir}.*boxlite rm abc`)),
      details: { boxId: 'abc', directory: box.dir },
    });
  });

  it('before a VM was started has none to stop', async () => {
    const { events, start, state } = machine({
      kernel: async () => {
        throw new BoxliteError('not_found', 'no kernel anywhere');
      },
    });
    await expect(start()).rejects.toMatchObject({ code: 'not_found' });
    expect(events).toEqual([]);
    expect(state()).toMatchObject({ status: 'failed', errorReason: 'no kernel anywhere' });
  });

  it('throws its own error also when the record has vanished meanwhile or the VM cannot be stopped', async () => {
    const made = machine({
      agent: async () => {
        made.vanish();
        throw new BoxliteError('agent_protocol', 'the cause');
      },
    });
    await expect(made.start()).rejects.toMatchObject({ message: 'the cause' });
    expect(made.state()).toBeUndefined();

    const stuck = machine({
      agent: refusing('the cause'),
      vmm: async () => ({
        id: 'fake',
        check: () => undefined,
        requirements,
        start: async () => ({
          channel: {},
          kill: async () => {
            throw new Error('it does not die');
          },
        }),
      }),
    });
    await expect(stuck.start()).rejects.toMatchObject({ message: 'the cause' });
    expect(stuck.events).toEqual(['cleanup after a failed start: kill the VM failed', 'jail released']);
    expect(stuck.state()).toMatchObject({ status: 'failed' });
  });
});

describe('a start that succeeds', () => {
  it('undoes nothing, records the VM and passes it on with the timings of its stages', async () => {
    const { events, services, start, state } = machine();
    const { live, timings } = await start();
    expect(live.vm.identity).toEqual({ pid: 12, startTime: 34 });
    expect(events).toEqual([]);
    expect(state()).toMatchObject({ status: 'running', vmm: { pid: 12, startTime: 34 }, vmmId: 'fake' });
    expect(services.metrics.boxesFailed).toBe(0);
    expect(timings).toHaveLength(7);
  });

  it('makes the short socket link again right before the VMM is spawned, whoever cleaned /tmp meanwhile', async () => {
    let linkAtSpawn: string | undefined;
    let socketOfAgent: string | undefined;
    const { start } = machine({
      imageDisk: async () => {
        rmSync(dirname(box.socketLink), { recursive: true });
        return { path: '/base.ext4', release: async () => undefined };
      },
      vmm: async () => ({
        id: 'fake',
        check: () => undefined,
        requirements,
        start: async (spec: VmmSpec) => {
          linkAtSpawn = readlinkSync(box.socketLink);
          socketOfAgent = spec.agentSocket;
          return { identity: { pid: 1, startTime: 2 }, channel: {} };
        },
      }),
    });
    await start();
    expect(linkAtSpawn).toBe(box.socketsDir);
    expect(socketOfAgent).toBe(join(box.socketLink, 'box.sock'));
  });
});
