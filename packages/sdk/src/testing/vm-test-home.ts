import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DiskStore, PluginRegistry, VmmHandler, VmmSpec } from '@boxlite/core';
import type { VmmHandlerSetup, VmmTestMachine } from '@boxlite/core/testing';
import { type BoxLayout, createBoxId, createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { kernelService } from '../kernel/kernel-service.js';
import { parseBoxOptions } from '../options/box-options.js';
import { chooseSandbox } from '../registry/choose-sandbox.js';
import { defaultRegistry } from '../registry/default-registry.js';
import { createHardwareProbe } from '../registry/hardware-probe.js';
import { pluginChooser } from '../registry/plugin-chooser.js';
import type { PluginContext } from '../registry/plugin-context.js';
import { buildJail } from '../runtime/build-jail.js';
import { silentLog } from '../runtime/log.js';
import { type GuestProgram, guestProgram } from './test-guest.js';

const MIB = 1024 * 1024;
const CONSOLE_MAX_BYTES = 4 * MIB;
/** Enough for the kernel of any distribution. */
const MEMORY_MIB = 160;
/** Machines that are emulated, ten at once, on a busy host. */
const DEADLINE_MS = 180_000;

/** How a test home is made. */
export interface VmTestHomeOptions {
  /** Where kernels, sandboxes and disk stores are chosen from; default: those of this package. */
  readonly registry?: PluginRegistry;
  /** Id of the sandbox; default: the best that is available. */
  readonly sandbox?: string;
  /** A static busybox to run in guests, for handlers that restore; default `/bin/busybox`, and none where that is not there. */
  readonly busybox?: string;
}

/** A temporary home with everything a VMM needs to boot the guest agent, all of it real: kernel, disks, jail, supervisor. */
export interface VmTestHome extends AsyncDisposable {
  readonly layout: HomeLayout;
  /** What a plugin's `create` is given. */
  readonly context: PluginContext;
  /** For `vmmHandlerConformance` of `@boxlite/core/testing`. */
  vmmSetup(createHandler: () => VmmHandler): VmmHandlerSetup;
  /** @param change members of the spec to replace */
  createMachine(
    handler: VmmHandler,
    change?: Partial<VmmSpec>,
    disk?: { readonly virtualSize?: number },
  ): Promise<VmmTestMachine & { readonly box: BoxLayout }>;
}

/**
 * Makes a home to run the suite of a VMM in.
 *
 * @example
 * ```ts
 * const home = await createVmTestHome();
 * describe('my VMM', () => runConformance(vmmHandlerConformance(home.vmmSetup(() => new MyVmm())), it));
 * after(() => home[Symbol.asyncDispose]());
 * ```
 * @throws BoxliteError what is missing on this machine
 */
export async function createVmTestHome(options: VmTestHomeOptions = {}): Promise<VmTestHome> {
  const registry = options.registry ?? defaultRegistry();
  const layout = createHomeLayout(await mkdtemp(join(tmpdir(), 'boxlite-vmm-test-')));
  await layout.prepare();
  const context = await openContext(layout);
  const chooser = pluginChooser(registry, context);
  const { choose } = chooser;
  const chooseKernel = kernelService({
    ...{ registry, plugins: { choose }, home: layout.home, log: silentLog, environment: process.env },
  });
  const program = await guestProgram(options.busybox ?? '/bin/busybox');
  const bases = await buildBases(layout, program);

  const createMachine: VmTestHome['createMachine'] = async (handler, change = {}, disk = {}) => {
    // A machine of the suite has the disk any handler must know, whatever the home's file system can do.
    const disks = await choose<DiskStore>('disk-store', 'qcow2');
    const kernel = await chooseKernel(undefined, handler.kernelSource);
    const box = layout.box(createBoxId());
    await box.prepare();
    await disks.createChild(box.containerDisk, { path: bases.image, format: 'raw' }, disk);
    const brokenDisk = join(box.disksDir, 'broken.qcow2');
    await writeFile(brokenDisk, 'neither a header nor anything else'.repeat(4096));
    await writeFile(box.stderrFile, '', { mode: 0o600 });
    const spec: VmmSpec = {
      boxId: box.id,
      vcpus: 1,
      memoryMib: MEMORY_MIB,
      kernel: kernel.path,
      ...(kernel.initrd === undefined ? {} : { initrd: kernel.initrd }),
      ...(kernel.maxVcpus === undefined ? {} : { kernelMaxVcpus: kernel.maxVcpus }),
      commandLine: ['root=/dev/vdb', 'ro', 'rootfstype=ext4', 'init=/boxlite/bin/boxlite-guest'],
      disks: [
        { path: box.containerDisk, format: 'qcow2', readOnly: false },
        { path: bases.rootfs, format: 'raw', readOnly: true },
      ],
      shares: [],
      nics: [],
      agentSocket: box.agentSocket,
      ...change,
    };
    const { createSupervisor } = await import('@boxlite/supervisor');
    const granted: VmmSpec = { ...spec, disks: [...spec.disks, { path: brokenDisk, format: 'raw', readOnly: true }] };
    return {
      box,
      spec,
      brokenDisk,
      host: {
        jail: await buildJail(layout, () => chooseSandbox(chooser, { sandbox: options.sandbox, security: {} }), disks, {
          box,
          options: parseBoxOptions({}),
          spec: granted,
          vmm: handler,
          volumes: [],
          containerUser: '',
        }),
        supervisor: createSupervisor(),
        request: {
          boxId: box.id,
          agentSocket: box.agentSocket,
          controlDir: box.controlDir,
          pidFile: box.pidFile,
          stderrFile: box.stderrFile,
          exitFile: box.exitFile,
          consoleFile: box.consoleLog,
          consoleMaxBytes: CONSOLE_MAX_BYTES,
          detached: false,
        },
        listenerPath: (name) => join(box.controlDir, `${name}.sock`),
      },
      readExitRecord: () => readRecord(box.exitFile),
      [Symbol.asyncDispose]: () => box.cleanup(),
    };
  };
  return {
    layout,
    context,
    createMachine,
    vmmSetup: (createHandler) => ({
      createHandler,
      createMachine: ({ from, diskBytes } = {}) =>
        createMachine(createHandler(), from && { from }, diskBytes === undefined ? {} : { virtualSize: diskBytes }),
      ...(program === undefined ? {} : { guest: program.guest }),
      deadlineMs: DEADLINE_MS,
      async ping(vm) {
        const { createAgentClient } = await import('@boxlite/guest-agent');
        await createAgentClient(vm.channel).ping();
        await vm.close();
      },
    }),
    async [Symbol.asyncDispose]() {
      await context.store.close();
      await rm(layout.home, { recursive: true, force: true });
    },
  };
}

async function openContext(layout: HomeLayout): Promise<PluginContext> {
  const [{ openStateStore }, { currentBootId, isAlive, selfIdentity }] = await Promise.all([
    import('@boxlite/db'),
    import('@boxlite/layout'),
  ]);
  const store = await openStateStore({
    file: layout.databaseFile,
    bootId: currentBootId(),
    self: selfIdentity(),
    isAlive,
  });
  return { layout, store, hardware: createHardwareProbe(), registries: [] };
}

/** The guest rootfs with the agent, and a disk for the container, empty but for the program. */
async function buildBases(
  layout: HomeLayout,
  program: GuestProgram | undefined,
): Promise<{ readonly rootfs: string; readonly image: string }> {
  const [{ agentLayer, buildImageDisk, skeletonLayer }, { readAgentBinary }] = await Promise.all([
    import('@boxlite/rootfs'),
    import('@boxlite/guest-agent'),
  ]);
  const rootfs = join(layout.basesDir, 'rootfs00.ext4');
  const layers = [skeletonLayer(), agentLayer(await readAgentBinary())];
  await buildImageDisk({ layers, target: rootfs, sizeBytes: 16 * MIB, journal: false });
  const image = join(layout.diskImagesDir, 'empty.ext4');
  const content = [skeletonLayer(), ...(program === undefined ? [] : [await program.layer()])];
  await buildImageDisk({ layers: content, target: image, sizeBytes: 64 * MIB });
  return { rootfs, image };
}

async function readRecord(path: string): Promise<unknown> {
  try {
    const text = await readFile(path, 'utf8');
    return text === '' ? undefined : JSON.parse(text);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}
