import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  errnoOf,
  type Jail,
  type PathAccess,
  type SupervisedVm,
  type VmmHandler,
  type VmmHost,
  type VmmSpec,
} from '@boxlite/core';
import type { VmmHandlerSetup, VmmTestMachine } from '@boxlite/core/testing';
import { createQcow2DiskStore } from '@boxlite/disk-qcow2';
import { createAgentClient, readAgentBinary } from '@boxlite/guest-agent';
import { collectPaths, createCompositeSandbox, createJailer, pathRules } from '@boxlite/jailer';
import { createBwrapSandbox } from '@boxlite/jailer-bwrap';
import { createLandlockSandbox } from '@boxlite/jailer-landlock';
import { createKvmProbe } from '@boxlite/kvm-probe';
import { type BoxLayout, createBoxId, createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { agentLayer, buildImageDisk, skeletonLayer } from '@boxlite/rootfs';
import { createSupervisor } from '@boxlite/supervisor';
import { withOwnFiles } from '../../packages/sdk/src/init/own-files.js';
import { withLibraries } from '../../packages/sdk/src/runtime/build-jail.js';
import { guestProgram } from '../../packages/sdk/src/testing/test-guest.js';
import { testKernel } from './test-kernel.js';

const MIB = 1024 * 1024;
/** Characters that end something for QEMU's option parser or for JSON. */
const HOME_PREFIX = 'boxlite-vm,"parts"-';
/** Debian's busybox-static. */
const BUSYBOX = '/bin/busybox';
const CONSOLE_MAX_BYTES = 4 * MIB;

/** What this host can do, asked for real. */
export const hardware = createKvmProbe();

/** A home with a kernel and the two base disks of a machine, and machines over them: everything real. */
export interface VmParts extends AsyncDisposable {
  readonly layout: HomeLayout;
  /** A machine with disks, jail and supervisor of its own. */
  createMachine(
    handler: VmmHandler,
    change?: Partial<VmmSpec>,
    disk?: { readonly virtualSize?: number },
  ): Promise<VmmTestMachine & { readonly box: BoxLayout }>;
  /** For the suite of a handler. */
  setup(createHandler: () => VmmHandler): VmmHandlerSetup;
}

/** Builds the parts in a temporary home; boxes are killed by their tests. */
export async function createVmParts(): Promise<VmParts> {
  const layout = createHomeLayout(await mkdtemp(join(tmpdir(), HOME_PREFIX)));
  await layout.prepare();
  const kernel = await testKernel(layout.home);
  const rootfs = join(layout.basesDir, 'rootfs00.ext4');
  const agent = await readAgentBinary();
  await buildImageDisk({
    layers: [skeletonLayer(), agentLayer(agent)],
    target: rootfs,
    sizeBytes: 16 * MIB,
    journal: false,
  });
  const image = join(layout.diskImagesDir, 'empty.ext4');
  const program = await guestProgram(BUSYBOX);
  const layers = [skeletonLayer(), ...(program === undefined ? [] : [await program.layer()])];
  await buildImageDisk({ layers, target: image, sizeBytes: 64 * MIB });

  const createMachine: VmParts['createMachine'] = async (handler, change = {}, disk = {}) => {
    const box = layout.box(createBoxId());
    await box.prepare();
    await createQcow2DiskStore().createChild(box.containerDisk, { path: image, format: 'raw' }, disk);
    const brokenDisk = join(box.disksDir, 'broken.qcow2');
    await writeFile(brokenDisk, 'neither a header nor anything else'.repeat(4096));
    await writeFile(box.stderrFile, '', { mode: 0o600 });
    const machine: VmmSpec = {
      boxId: box.id,
      vcpus: 1,
      memoryMib: 128,
      kernel: kernel.path,
      ...(kernel.maxVcpus === undefined ? {} : { kernelMaxVcpus: kernel.maxVcpus }),
      commandLine: ['root=/dev/vdb', 'ro', 'rootfstype=ext4', 'init=/boxlite/bin/boxlite-guest'],
      disks: [
        { path: box.containerDisk, format: 'qcow2', readOnly: false },
        { path: rootfs, format: 'raw', readOnly: true },
      ],
      shares: [],
      nics: [],
      agentSocket: box.agentSocket,
      ...change,
    };
    // As the product does: what the VMM runs is the box's own, where the handler asks for it.
    const spec = await withOwnFiles(handler, machine, box, ({ message }) => {
      throw new Error(message);
    });
    const host: VmmHost = {
      jail: await jailFor(layout, box, spec, handler, [{ path: brokenDisk, writable: false }]),
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
    };
    return {
      box,
      spec,
      host,
      brokenDisk,
      readExitRecord: () => readRecord(box.exitFile),
      [Symbol.asyncDispose]: () => box.cleanup(),
    };
  };
  const setup: VmParts['setup'] = (createHandler) => ({
    createHandler,
    createMachine: ({ from, diskBytes } = {}) =>
      createMachine(createHandler(), from && { from }, diskBytes === undefined ? {} : { virtualSize: diskBytes }),
    ping: pingAgent,
    ...(program === undefined ? {} : { guest: program.guest }),
  });
  return {
    layout,
    createMachine,
    setup,
    [Symbol.asyncDispose]: () => rm(layout.home, { recursive: true, force: true }),
  };
}

/** A round trip to the agent over a connection that serves nothing else. */
export async function pingAgent(vm: SupervisedVm): Promise<void> {
  await createAgentClient(vm.channel).ping();
  await vm.close();
}

async function jailFor(
  layout: HomeLayout,
  box: BoxLayout,
  spec: VmmSpec,
  handler: VmmHandler,
  extra: readonly PathAccess[],
): Promise<Jail> {
  const requirements = await handler.requirements(spec);
  const rules = pathRules(
    await collectPaths({
      home: layout.home,
      box,
      disks: spec.disks,
      diskStore: createQcow2DiskStore(),
      kernel: spec.kernel,
      ...(spec.from === undefined ? {} : { memory: spec.from.memory }),
      vmmPaths: await withLibraries(layout, handler, spec, requirements),
      devices: requirements.devices,
      socketLink: { path: box.socketLink, target: box.socketsDir },
    }),
  );
  return createJailer({
    id: box.id,
    sandbox: createCompositeSandbox([createBwrapSandbox(), createLandlockSandbox()], { optional: ['landlock'] }),
    paths: [...rules.paths, ...extra],
    maskedPaths: rules.masked,
    symlinks: rules.symlinks,
    devices: rules.devices,
    ...(requirements.seccompPolicy === undefined ? {} : { seccompPolicy: requirements.seccompPolicy }),
    ...(requirements.seccompSwitches === undefined ? {} : { seccompSwitches: requirements.seccompSwitches }),
    security: { networkEnabled: false },
  });
}

async function readRecord(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return ''; // no crash record
    throw thrown;
  });
  return text === '' ? undefined : JSON.parse(text);
}
