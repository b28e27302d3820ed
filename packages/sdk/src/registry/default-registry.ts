import {
  type DiskStore,
  type ImageSource,
  type KernelSource,
  PluginRegistry,
  type ProbeResult,
  type Sandbox,
  type VmmHandler,
} from '@boxlite/core';
import type { BlobStore } from '@boxlite/images';
import { createHomeLayout, stagingName } from '@boxlite/layout';
import { createHardwareProbe } from './hardware-probe.js';
import { homeBlobStore } from './home-blob-store.js';
import { lazyPlugin } from './lazy-plugin.js';
import type { PluginContext } from './plugin-context.js';
import { LANDLOCK_ID } from './sandbox-ids.js';

const HERE: ProbeResult = { available: true };
const here = async (): Promise<ProbeResult> => HERE;

const NO_HOME: ProbeResult = {
  available: false,
  reason: 'whether files can be cloned depends on the home, and none was named',
  remedy: 'give defaultRegistry() the homeDir of the runtime',
};

/** The home a registry is for: what its file system can do decides how disks are made. */
export interface DefaultRegistryOptions {
  /** Absolute; default as for `Boxlite.open`. */
  readonly homeDir?: string | undefined;
}

/**
 * A registry with everything this SDK comes with, nothing of it loaded yet. Register your own plugins in it and give it to
 * `Boxlite.open({ registry })`.
 * @param options default: for no home in particular, and disks are qcow2 overlays
 */
export function defaultRegistry(options?: DefaultRegistryOptions): PluginRegistry {
  // One for both VMMs: what KVM can do is asked once.
  const hardware = createHardwareProbe();
  return new PluginRegistry()
    .register(
      lazyPlugin<'vmm', VmmHandler, PluginContext>({
        kind: 'vmm',
        id: 'libkrun',
        // The default wherever the hardware carries it.
        priority: 10,
        load: async () => (await import('@boxlite/vmm-libkrun')).libkrunVmmPlugin({ hardware }),
      }),
    )
    .register(
      lazyPlugin<'vmm', VmmHandler, PluginContext>({
        kind: 'vmm',
        id: 'qemu',
        load: async () => (await import('@boxlite/vmm-qemu')).qemuVmmPlugin({ hardware }),
      }),
    )
    .register(
      lazyPlugin<'sandbox', Sandbox, PluginContext>({
        kind: 'sandbox',
        id: 'bwrap',
        priority: 10,
        load: async () => (await import('@boxlite/jailer-bwrap')).bwrapSandboxPlugin(),
      }),
    )
    .register(
      lazyPlugin<'sandbox', Sandbox, PluginContext>({
        kind: 'sandbox',
        id: LANDLOCK_ID,
        // Inside bubblewrap it is part of the default; alone it hides nothing, and must be asked for.
        byNameOnly: true,
        load: async () => (await import('@boxlite/jailer-landlock')).landlockSandboxPlugin(),
      }),
    )
    .register(
      lazyPlugin<'sandbox', Sandbox, PluginContext>({
        kind: 'sandbox',
        id: 'seatbelt',
        load: async () => (await import('@boxlite/jailer-seatbelt')).seatbeltSandboxPlugin(),
      }),
    )
    .register(
      lazyPlugin<'disk-store', DiskStore, PluginContext>({
        kind: 'disk-store',
        id: 'qcow2',
        async load() {
          const { createQcow2DiskStore } = await import('@boxlite/disk-qcow2');
          return {
            probe: here,
            create: ({ layout }) =>
              createQcow2DiskStore({
                stagingDirectory: layout.tmpDir,
                stagingName: () => stagingName(),
                // The VMM can write its disk, header included: what that names outside is not even opened.
                allowedDirectories: [layout.basesDir, layout.diskImagesDir, layout.boxesDir],
              }),
          };
        },
      }),
    )
    .register(
      lazyPlugin<'disk-store', DiskStore, PluginContext>({
        kind: 'disk-store',
        id: 'reflink',
        // As quick to make as an overlay, and read and written by the VMM without one.
        priority: 10,
        async load() {
          const { createReflinkDiskStore, reflinkDiskStorePlugin } = await import('@boxlite/disk-reflink');
          const probe = async (): Promise<ProbeResult> => {
            if (options === undefined) return NO_HOME;
            const { tmpDir: directory } = createHomeLayout(options.homeDir);
            return reflinkDiskStorePlugin({ directory, stagingName: () => stagingName() }).probe();
          };
          return {
            probe,
            create: ({ layout }) =>
              createReflinkDiskStore({ stagingDirectory: layout.tmpDir, stagingName: () => stagingName() }),
          };
        },
      }),
    )
    .register(
      lazyPlugin<'kernel-source', KernelSource, PluginContext>({
        kind: 'kernel-source',
        id: 'boxlite',
        // Starts in about two thirds of the time of libkrunfw's, and has what container engines need.
        priority: 10,
        async load() {
          const { createBoxliteKernelSource, probeBoxliteKernel } = await import('@boxlite/guest-kernel');
          return {
            // Reads manifests only; the kernel is left to its first use.
            probe: () => probeBoxliteKernel({ home: createHomeLayout(options?.homeDir).home }),
            create: ({ layout }) => createBoxliteKernelSource({ home: layout.home }),
          };
        },
      }),
    )
    .register(
      lazyPlugin<'kernel-source', KernelSource, PluginContext>({
        kind: 'kernel-source',
        id: 'libkrunfw',
        async load() {
          const { createLibkrunfwKernelSource } = await import('@boxlite/guest-kernel');
          // Looking for the kernel is left to its first use: a probe that prepared it would do the work twice.
          return { probe: here, create: ({ layout }) => createLibkrunfwKernelSource({ home: layout.home }) };
        },
      }),
    )
    .register(
      lazyPlugin<'image-source', ImageSource, PluginContext>({
        kind: 'image-source',
        id: 'local',
        priority: 10,
        async load() {
          const { BlobStore, createLocalImageSource } = await import('@boxlite/images');
          return {
            probe: here,
            create: (context) =>
              createLocalImageSource({ blobs: blobStoreOf(BlobStore, context), store: context.store.images }),
          };
        },
      }),
    )
    .register(
      lazyPlugin<'image-source', ImageSource, PluginContext>({
        kind: 'image-source',
        id: 'registry',
        async load() {
          const { BlobStore, createRegistryImageSource } = await import('@boxlite/images');
          return {
            probe: here,
            create: (context) =>
              createRegistryImageSource({
                blobs: blobStoreOf(BlobStore, context),
                store: context.store.images,
                registries: context.registries,
                ...(context.dockerConfig === undefined ? {} : { dockerConfig: context.dockerConfig }),
              }),
          };
        },
      }),
    );
}

/** The package is loaded by whoever needs it first; listing boxes does without. */
export function blobStoreOf(
  Store: typeof BlobStore,
  { layout, store }: Pick<PluginContext, 'layout' | 'store'>,
): BlobStore {
  const { layersDir, manifestsDir, configsDir, tmpDir } = layout;
  return homeBlobStore(
    { store },
    () => new Store({ layersDir, manifestsDir, configsDir, tmpDir }, { leases: store.leases }),
  );
}
