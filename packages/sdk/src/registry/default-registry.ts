import {
  type DiskStore,
  type ImageSource,
  type KernelSource,
  PluginRegistry,
  type ProbeResult,
  type Sandbox,
  type VmmHandler,
} from '@boxlite/core';
import { stagingName } from '@boxlite/layout';
import { createHardwareProbe } from './hardware-probe.js';
import { lazyPlugin } from './lazy-plugin.js';
import type { PluginContext } from './plugin-context.js';

const HERE: ProbeResult = { available: true };
const here = async (): Promise<ProbeResult> => HERE;

/**
 * A registry with everything this SDK comes with, nothing of it loaded yet. Register your own plugins in it and give it to
 * `Boxlite.open({ registry })`.
 */
export function defaultRegistry(): PluginRegistry {
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
      lazyPlugin<'disk-store', DiskStore, PluginContext>({
        kind: 'disk-store',
        id: 'qcow2',
        async load() {
          const { createQcow2DiskStore } = await import('@boxlite/disk-qcow2');
          return {
            probe: here,
            create: ({ layout }) =>
              createQcow2DiskStore({ stagingDirectory: layout.tmpDir, stagingName: () => stagingName() }),
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
          const { createLocalImageSource } = await import('@boxlite/images');
          return {
            probe: here,
            create: ({ layout, store }) =>
              createLocalImageSource({ blobs: blobDirectories(layout), store: store.images }),
          };
        },
      }),
    )
    .register(
      lazyPlugin<'image-source', ImageSource, PluginContext>({
        kind: 'image-source',
        id: 'registry',
        async load() {
          const { createRegistryImageSource } = await import('@boxlite/images');
          return {
            probe: here,
            create: ({ layout, store, registries }) =>
              createRegistryImageSource({ blobs: blobDirectories(layout), store: store.images, registries }),
          };
        },
      }),
    );
}

function blobDirectories({ layersDir, manifestsDir, configsDir, tmpDir }: PluginContext['layout']) {
  return { layersDir, manifestsDir, configsDir, tmpDir };
}
