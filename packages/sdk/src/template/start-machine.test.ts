import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError, type BoxRecord, type BoxStateRecord, parseBoxId, type VmmSpec } from '@boxlite/core';
import { type BoxLayout, createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startBox } from '../box/start-box.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';

const KEY = /^[0-9a-f]{32}$/;
let base: string;
let layout: HomeLayout;
let box: BoxLayout;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-start-machine-'));
  layout = createHomeLayout(join(base, 'home'), { linkRoot: base });
  await layout.prepare();
  box = layout.box('abc');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const failing = (code: 'vmm_failed' | 'snapshot_invalid' | 'disk_full', message: string) => async () => {
  throw new BoxliteError(code, message);
};

/** A machine that comes up, and a home with a template for it; a test replaces what it is about. */
function machine(change: { vmm?: object; hold?: object; services?: object; options?: object } = {}) {
  const events: string[] = [];
  const logged: { level: string; message: string }[] = [];
  const wanted: unknown[] = [];
  let state: BoxStateRecord = { status: 'configured', updatedAt: 1 };
  const record = { config: { id: parseBoxId('abc'), createdAt: 1, options: change.options ?? {} }, state } as BoxRecord;
  const vm = (how: string) => ({
    identity: { pid: 12, startTime: 34 },
    channel: how,
    wait: () => new Promise(() => undefined),
    kill: async () => void events.push(`${how} killed`),
    close: async () => undefined,
  });
  const services = {
    layout,
    metrics: { boxesFailed: 0 },
    log: (entry: { level: string; message: string }) => void logged.push(entry),
    vmm: async () => ({
      id: 'fake',
      check: () => undefined,
      requirements: async () => ({ paths: [], devices: [] }),
      snapshotKey: async (spec: VmmSpec) => `fake ${spec.memoryMib}`,
      start: async (spec: VmmSpec) => {
        events.push(`booted${spec.from === undefined ? '' : ' with a snapshot'}`);
        return vm('booted');
      },
      restore: async (spec: VmmSpec) => {
        events.push(`went on from ${spec.from?.memory}`);
        return vm('restored');
      },
      ...change.vmm,
    }),
    resolveImage: async () => ({ config: { env: [] } }),
    imageDisk: async () => ({ path: '/base.ext4', release: async () => undefined }),
    disks: async () => ({ id: 'qcow2', createChild: async () => ({ format: 'qcow2' }) }),
    guestRootfs: async () => ({
      rootfs: { path: '/bases/guest.ext4' },
      recordUse: async () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    }),
    kernel: async () => ({ path: '/kernel', digest: 'sha256:1' }),
    supervisor: async () => ({}),
    jail: async () => ({ name: 'fake', release: async () => void events.push('jail released') }),
    agent: async () => ({ hello: Promise.resolve({}), init: async () => undefined }),
    startedCold: (shape: unknown) => void wanted.push(shape),
    templates: {
      settings: { use: true, make: true },
      store: {
        hold: async (key: string) => ({
          key,
          files: { memory: '/t/memory', state: '/t/state' },
          release: async () => void events.push('template released'),
        }),
        discard: async () => void events.push('template removed'),
        ...change.hold,
      },
    },
    store: {
      snapshots: { list: async () => [] },
      boxes: {
        list: async () => [],
        get: async () => ({ ...record, state }),
        update: async (_id: string, update: (current: BoxStateRecord) => BoxStateRecord) => {
          state = update(state);
          return state;
        },
      },
    },
    ...change.services,
  } as unknown as RuntimeServices;
  return {
    events,
    wanted,
    services,
    warnings: () => logged.filter(({ level }) => level === 'warn').map(({ message }) => message),
    debug: () => logged.filter(({ level }) => level === 'debug').map(({ message }) => message),
    start: (options = {}) => startBox(services, record, box, options),
    state: () => state,
  };
}

describe('a start with a template', () => {
  it('goes on from it, and the record and the timings say so', async () => {
    const { start, events, state, wanted, warnings } = machine();
    const seen: unknown[] = [];
    const { timings } = await start({ onStage: (_name: string, timing: unknown) => void seen.push(timing) });
    expect(events).toEqual(['went on from /t/memory', 'template released']);
    expect(state()).toMatchObject({ status: 'running', startedFrom: 'template', template: expect.stringMatching(KEY) });
    expect(timings.filter(({ startedFrom }) => startedFrom === 'template').map(({ name }) => name)).toEqual([
      'vmm-spawn',
      'guest-connect',
      'guest-init',
    ]);
    expect(seen).toContainEqual(expect.objectContaining({ name: 'vmm-spawn', startedFrom: 'template' }));
    expect([wanted, warnings()]).toEqual([[], []]);
  });

  it('boots where there is none yet, and one is wanted', async () => {
    const { start, events, state, wanted, warnings } = machine({ hold: { hold: async () => undefined } });
    await start();
    expect(events).toEqual(['booted']);
    expect(state().startedFrom).toBe('cold');
    expect(state().template).toBeUndefined();
    expect(wanted).toMatchObject([
      { key: expect.stringMatching(KEY), diskStore: 'qcow2', options: { vmm: 'fake', user: '' } },
    ]);
    expect(warnings()).toEqual([]);
  });

  it.each([
    ['the box does not want one', { options: { template: false } }],
    ['the runtime does not use them', { services: { templates: { settings: { use: false, make: true } } } }],
    ['the VMM has none', { vmm: { restore: undefined, snapshotKey: undefined } }],
  ])('boots, and none is wanted, where %s', async (_what, change) => {
    const { start, events, wanted, warnings } = machine(change);
    await start();
    expect([events, wanted, warnings()]).toEqual([['booted'], [], []]);
  });

  it('boots a box with volumes, which is no warning', async () => {
    const shared = join(base, 'shared');
    mkdirSync(shared);
    const { start, events, wanted, warnings, debug } = machine({
      options: { volumes: [{ hostPath: shared, guestPath: '/v' }] },
    });
    await start();
    expect([events, wanted, warnings()]).toEqual([['booted'], [], []]);
    expect(debug()).toContainEqual(expect.stringContaining('a box with volumes boots'));
  });
});

describe('a template that cannot be used', () => {
  it('is put aside with a warning that names it and why, and the box boots in the same call', async () => {
    const { start, events, state, wanted, warnings } = machine({
      hold: { hold: failing('snapshot_invalid', 'the snapshot cannot be used: its memory is missing') },
    });
    await start();
    expect(events).toEqual(['template removed', 'booted']);
    expect(warnings()).toEqual([expect.stringMatching(/^template [0-9a-f]{12} is put aside.*its memory is missing$/)]);
    expect(state()).toMatchObject({ status: 'running', startedFrom: 'cold' });
    expect(wanted).toHaveLength(1);
  });

  it.each(['vmm_failed', 'snapshot_invalid'] as const)(
    'is put aside when the VMM does not go on from it: %s',
    async (code) => {
      const { start, events, state, warnings } = machine({ vmm: { restore: failing(code, 'it does not fit') } });
      await start();
      expect(events).toEqual(['template removed', 'template released', 'booted']);
      expect(warnings()).toEqual([expect.stringContaining('it does not fit')]);
      expect(state()).toMatchObject({ status: 'running', startedFrom: 'cold' });
      expect(state().template).toBeUndefined();
    },
  );

  it('stays where the host is at fault, and the box boots', async () => {
    const { start, events, state, warnings } = machine({ vmm: { restore: failing('disk_full', 'no space left') } });
    await start();
    expect(events).toEqual(['template released', 'booted']);
    expect(warnings()).toEqual([expect.stringMatching(/is not used this time.*no space left/)]);
    expect(state()).toMatchObject({ status: 'running', startedFrom: 'cold' });
  });

  it('is put aside when the guest does not say hello: the machine is killed, its end is none of the box, and the box boots', async () => {
    const made = machine({
      services: {
        agent: async (channel: string) => {
          if (channel === 'booted') return { hello: Promise.resolve({}), init: async () => undefined };
          writeFileSync(box.exitFile, '{"kind":"Signal"}');
          writeFileSync(box.stderrFile, 'of the machine that did not go on');
          return { hello: Promise.reject(new BoxliteError('agent_protocol', 'half a hello')) };
        },
      },
    });
    const { timings } = await made.start();
    expect(made.events).toEqual([
      'went on from /t/memory',
      'template released',
      'restored killed',
      'jail released',
      'template removed',
      'booted',
    ]);
    expect(made.warnings()).toEqual([expect.stringContaining('half a hello')]);
    expect(made.state()).toMatchObject({ status: 'running', startedFrom: 'cold' });
    expect(existsSync(box.exitFile)).toBe(false);
    expect(readFileSync(box.stderrFile, 'utf8')).toBe('');
    expect(timings.find(({ name }) => name === 'guest-connect')).toMatchObject({ startedFrom: 'cold' });
  });

  it('is put aside when the guest breaks while it becomes the box', async () => {
    const { start, events, state, warnings } = machine({
      services: {
        agent: async (channel: string) => ({
          hello: Promise.resolve({}),
          init: channel === 'booted' ? async () => undefined : failing('vmm_failed', 'the kernel panicked'),
        }),
      },
    });
    const { timings } = await start();
    expect(events.slice(2)).toEqual(['restored killed', 'jail released', 'template removed', 'booted']);
    expect(warnings()).toEqual([expect.stringContaining('the kernel panicked')]);
    expect(state()).toMatchObject({ status: 'running', startedFrom: 'cold' });
    expect(timings.at(-1)).toMatchObject({ name: 'guest-init', startedFrom: 'cold' });
  });

  it('is left alone when what is wrong is the box or its image', async () => {
    const { start, events, state } = machine({
      services: {
        agent: async () => ({
          hello: Promise.resolve({}),
          init: async () => {
            throw new BoxliteError('image_invalid', 'no user of that name');
          },
        }),
      },
    });
    await expect(start()).rejects.toMatchObject({ code: 'image_invalid' });
    expect(events).not.toContain('template removed');
    expect(state()).toMatchObject({ status: 'failed' });
  });

  it('is left alone when the start was aborted', async () => {
    const aborting = new AbortController();
    const { start, events } = machine({
      vmm: {
        restore: async () => {
          aborting.abort();
          throw new BoxliteError('aborted', 'aborted');
        },
      },
    });
    await expect(start({ signal: aborting.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(events).toEqual(['template released']);
  });
});

describe('a start with a template of its image', () => {
  const children: string[] = [];
  beforeEach(() => {
    children.length = 0;
  });

  /** A home with an image disk and templates: that of the image, which is asked for first, and that of the shape. */
  function withImage(hold: (which: 'image' | 'shape', key: string) => object | undefined, vmm: object = {}) {
    const disk = join(base, 'image.ext4');
    writeFileSync(disk, 'the disk of the image');
    const stored = join(base, 'disk.qcow2');
    writeFileSync(stored, 'mounted before');
    const asked: string[] = [];
    const made = machine({
      vmm,
      hold: {
        hold: async (key: string) => {
          asked.push(key);
          const which = asked.length === 1 ? 'image' : 'shape';
          const files = { memory: `/${which}/memory`, state: `/${which}/state` };
          const extra = hold(which, key);
          if (extra === undefined) return undefined;
          const release = async () => void made.events.push(`${which} released`);
          return { key, files, release, ...(which === 'image' ? { disk: stored } : {}), ...extra };
        },
      },
      services: {
        imageDisk: async () => ({ path: disk, release: async () => undefined }),
        disks: async () => ({
          id: 'qcow2',
          createChild: async (path: string) => {
            writeFileSync(path, 'new');
            children.push(path);
            return { format: 'qcow2' };
          },
        }),
      },
    });
    return { ...made, asked };
  }

  it('goes on from it with a copy of its disk, and only the template it had not is wanted', async () => {
    const { start, events, state, asked, wanted } = withImage(() => ({}));
    await start();
    expect(events).toEqual(['went on from /image/memory', 'image released']);
    expect(state()).toMatchObject({ startedFrom: 'template', template: asked[0], templateKind: 'image' });
    expect(readFileSync(box.containerDisk, 'utf8')).toBe('mounted before');
    expect(wanted).toEqual([]);
  });

  it('goes on from that of its shape where there is none, with a disk nothing has run on, and it is wanted', async () => {
    const { start, events, state, asked, wanted, warnings } = withImage((which) =>
      which === 'image' ? undefined : {},
    );
    await start();
    expect(events).toEqual(['went on from /shape/memory', 'shape released']);
    expect(state()).toMatchObject({ template: asked[1], templateKind: 'shape' });
    expect(readFileSync(box.containerDisk, 'utf8')).toBe('new');
    expect(wanted).toEqual([expect.objectContaining({ key: asked[0], image: expect.anything() })]);
    expect(warnings()).toEqual([]);
  });

  it('that comes to nothing goes on from that of its shape, with a disk made anew, and one warning', async () => {
    const restored = {
      restore: async (spec: VmmSpec) => {
        if (spec.from?.memory === '/image/memory') throw new BoxliteError('snapshot_invalid', 'it does not fit');
        return { identity: { pid: 1, startTime: 2 }, channel: 'restored', kill: async () => undefined };
      },
    };
    const { start, events, state, warnings } = withImage(() => ({}), restored);
    await start();
    expect(events).toEqual(['template removed', 'image released', 'shape released']);
    expect(state()).toMatchObject({ startedFrom: 'template', templateKind: 'shape' });
    expect(children).toHaveLength(2);
    expect(readFileSync(box.containerDisk, 'utf8')).toBe('new');
    expect(warnings()).toEqual([expect.stringContaining('it does not fit')]);
  });
});
