import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  BoxliteError,
  type BoxRecord,
  type CaptureOptions,
  type ExitRecord,
  type ProcessIdentity,
  parseBaseDiskId,
  parseBoxId,
  type ResolvedImage,
  type RunningVm,
  type VmmSnapshot,
  type VmmSpec,
} from '@boxlite/core';
import { createQcow2DiskStore } from '@boxlite/disk-qcow2';
import { processIdentity } from '@boxlite/layout';
import { Box } from '../../src/box/box.js';
import { MetricsCounter } from '../../src/runtime/runtime-metrics.js';
import type { RuntimeServices } from '../../src/runtime/runtime-services.js';
import type { BoxHooks } from '../../src/snapshot/hooks.js';
import { type TestHome, testHome } from './test-home.js';

const KERNEL = `sha256:${'a'.repeat(64)}` as const;
const ROOTFS = parseBaseDiskId('rootfs00');
const IMAGE: ResolvedImage = {
  ...{ reference: 'app:1', manifestDigest: KERNEL, configDigest: KERNEL, layers: [] },
  platform: { os: 'linux', architecture: 'amd64' },
  config: { entrypoint: [], cmd: [], env: ['PATH=/bin'], workingDir: '/', user: '', exposedPorts: [], labels: {} },
};
const CLEAN: ExitRecord = { kind: 'Clean', reason: 'shutdown' };

const pidRecord = ({ pid, startTime }: ProcessIdentity) => `supervisor ${pid} ${startTime}\nvmm ${pid} ${startTime}\n`;

/** What a test changes about the machines of a home. */
export interface FakeMachines {
  /** Ids of boxes and what was done with them, in order. */
  readonly events: string[];
  /** What the VMM says of every machine. */
  key: string;
  /** The next captures and restores end so; a restore is told apart by its number. */
  failCapture?: BoxliteError | undefined;
  failRestore?: ((count: number) => BoxliteError | undefined) | undefined;
  failRenew?: BoxliteError | undefined;
  /** Without these abilities, as libkrun. */
  isPlain?: boolean;
  readonly renewals: { readonly hostname?: string; readonly env?: readonly string[] }[];
}

/** A home whose machines are sleeping processes: real records, real disks, a VMM and an agent that note what they are asked for. */
export interface SnapshotHome extends TestHome {
  readonly machines: FakeMachines;
  /** A running box with a disk over an image. */
  run(id: string, options?: Record<string, unknown>): Promise<Box>;
  handle(id: string): Promise<Box>;
  record(id: string): Promise<BoxRecord>;
  readonly boxes: RuntimeServices['newBoxes'];
}

export async function snapshotHome(hooks: BoxHooks = {}): Promise<SnapshotHome> {
  const machines: FakeMachines = { events: [], key: 'key', renewals: [] };
  const running = new Map<string, { readonly process: ChildProcess; readonly identity: ProcessIdentity }>();
  const handles = new Map<string, Box>();
  const note = (what: string) => void machines.events.push(what);

  const launch = async (id: string): Promise<RunningVm> => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    await once(child, 'spawn');
    const identity = processIdentity(child.pid ?? 0);
    if (identity === undefined) throw new Error('no identity');
    running.set(id, { process: child, identity });
    writeFileSync(home.layout.box(id).pidFile, pidRecord(identity));
    return machine(id);
  };
  const end = async (id: string): Promise<ExitRecord> => {
    const machineOf = running.get(id);
    running.delete(id);
    if (machineOf !== undefined && machineOf.process.exitCode === null) {
      const ended = once(machineOf.process, 'exit');
      machineOf.process.kill('SIGKILL');
      await ended;
    }
    rmSync(home.layout.box(id).pidFile, { force: true });
    return CLEAN;
  };
  const machine = (id: string): RunningVm => {
    const identity = running.get(id)?.identity;
    if (identity === undefined) throw new BoxliteError('agent_unavailable', 'nobody serves it');
    const capture =
      (how: string) =>
      async (target: VmmSnapshot, options: CaptureOptions = {}) => {
        note(`${how} ${id}`);
        await writeFile(target.memory, 'memory', { mode: 0o600 });
        await writeFile(target.state, 'state', { mode: 0o600 });
        await options.whileStill?.();
        if (machines.failCapture !== undefined) throw machines.failCapture;
      };
    const abilities = {
      pause: async () => note(`pause ${id}`),
      resume: async () => note(`resume ${id}`),
      snapshot: capture('snapshot'),
      fork: capture('fork'),
    };
    let isClosed = false;
    const listeners: (() => void)[] = [];
    const hangUp = () => {
      for (const listener of listeners.splice(0)) listener();
    };
    running.get(id)?.process.once('exit', hangUp);
    const vm = {
      identity,
      channel: { id, onClose: (listener: () => void) => void listeners.push(listener) },
      wait: async () => {
        if (isClosed) throw new BoxliteError('agent_unavailable', 'closed here');
        return CLEAN;
      },
      stop: () => end(id),
      kill: () => end(id),
      close: async () => {
        isClosed = true;
        hangUp();
      },
      [Symbol.asyncDispose]: async () => undefined,
      ...(machines.isPlain === true ? {} : abilities),
    };
    return vm as unknown as RunningVm;
  };

  let restores = 0;
  const vmm = {
    id: 'fake',
    check: () => undefined,
    requirements: async () => ({ paths: [], devices: [] }),
    snapshotKey: async () => machines.key,
    attach: ({ id }: { id: string }) => machine(id),
    async restore(spec: VmmSpec) {
      const failure = machines.failRestore?.(++restores);
      if (failure !== undefined) throw failure;
      note(`restore ${spec.boxId}`);
      return launch(spec.boxId);
    },
  };
  const agentOf = (id: string) => ({
    hello: Promise.resolve({}),
    quiesce: async () => note(`freeze ${id}`),
    thaw: async () => note(`thaw ${id}`),
    async renew(options: FakeMachines['renewals'][number]) {
      if (machines.failRenew !== undefined) throw machines.failRenew;
      machines.renewals.push(options);
    },
  });
  const boxes: RuntimeServices['newBoxes'] = {
    async claim(record) {
      await home.store.boxes.insert(record.config, record.state);
      return handle(record.config.id);
    },
    async handOut({ id }) {
      await home.store.boxes.update(id, ({ pooled: _pooled, ...state }) => state);
    },
  };
  const disks = createQcow2DiskStore();
  const home = await testHome({
    hooks,
    newBoxes: boxes,
    metrics: new MetricsCounter(),
    vmm: async () => vmm,
    vmmToAttach: async () => vmm,
    registry: { probeAll: async () => [{ plugin: { id: 'fake' } }] },
    disks: async () => disks,
    supervisor: async () => ({
      connect: async (controlDir: string) => {
        const id = dirname(controlDir).split('/').at(-1) ?? '';
        return { ...machine(id), id };
      },
    }),
    jail: async () => ({ name: 'fake', release: async () => undefined, command: () => ({}) }),
    agent: async (channel: { id: string }) => agentOf(channel.id),
    boxUsed: () => undefined,
  } as unknown as Partial<RuntimeServices>);
  const rootfs = home.layout.baseDisk(ROOTFS, 'ext4');
  await writeFile(rootfs, 'rootfs');
  await home.store.baseDisks.insert({
    ...{ id: ROOTFS, sourceBoxId: '__global__', kind: 'rootfs', basePath: rootfs },
    ...{ containerDiskBytes: 0, sizeBytes: 1, createdAt: 1 },
  });
  await writeFile(home.layout.kernel('a'.repeat(64)), 'kernel');
  const image = join(home.layout.diskImagesDir, 'image.ext4');
  await writeFile(image, 'a file system');
  await truncate(image, 2 ** 20);

  const record = async (id: string): Promise<BoxRecord> => {
    const found = await home.store.boxes.get(parseBoxId(id));
    if (found === undefined) throw new Error(`no box ${id}`);
    return found;
  };
  const handle = async (id: string): Promise<Box> => {
    const known = handles.get(id) ?? new Box(home.services, await record(id));
    handles.set(id, known);
    return known;
  };
  return {
    ...home,
    machines,
    boxes,
    record,
    handle,
    async run(id, options = {}) {
      const kernel = { source: 'file', digest: KERNEL, version: '6.1' };
      const layout = await home.plant(
        id,
        {
          ...{ status: 'running', vmmId: 'fake', guestRootfs: rootfs, kernel, updatedAt: 1 },
          image: IMAGE,
          disk: { store: 'qcow2', format: 'qcow2', base: image },
        },
        options,
      );
      await disks.createChild(layout.containerDisk, { path: image, format: 'raw' });
      await launch(id);
      await home.store.boxes.update(parseBoxId(id), (state) => ({ ...state, vmm: machine(id).identity }));
      return handle(id);
    },
    async [Symbol.asyncDispose]() {
      for (const id of [...running.keys()]) await end(id);
      await home[Symbol.asyncDispose]();
    },
  };
}
