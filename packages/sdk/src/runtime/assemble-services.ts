import type { Supervisor, VmmHandler } from '@boxlite/core';
import { createHomeLayout, currentBootId, isAlive, selfIdentity } from '@boxlite/layout';
import { imageSources } from '../images/image-sources.js';
import { kernelService } from '../kernel/kernel-service.js';
import { chooseSandbox } from '../registry/choose-sandbox.js';
import { defaultRegistry } from '../registry/default-registry.js';
import { defaultVmm } from '../registry/default-vmm.js';
import { createHardwareProbe } from '../registry/hardware-probe.js';
import { pluginChooser } from '../registry/plugin-chooser.js';
import type { PluginContext } from '../registry/plugin-context.js';
import { templateSettings } from '../template/template-settings.js';
import { TemplateStore } from '../template/template-store.js';
import type { BoxliteOptions } from './boxlite.js';
import { buildJail } from './build-jail.js';
import { diskStores } from './disk-stores.js';
import { guestRootfsService } from './guest-rootfs-service.js';
import { imageDiskService } from './image-disk-service.js';
import { imageService } from './image-service.js';
import { lazy } from './lazy.js';
import { silentLog } from './log.js';
import { lookAhead } from './look-ahead.js';
import { MetricsCounter } from './runtime-metrics.js';
import type { RuntimeOwner, RuntimeServices } from './runtime-services.js';

/**
 * Opens a home and wires the packages together, each loaded on first use.
 * @param owner the runtime these services are for
 * @throws BoxliteError see `Boxlite.open`
 */
export async function assembleServices(options: BoxliteOptions, owner: RuntimeOwner): Promise<RuntimeServices> {
  const layout = createHomeLayout(options.homeDir);
  await layout.prepare();
  const { openStateStore } = await import('@boxlite/db');
  const store = await openStateStore({
    file: layout.databaseFile,
    bootId: currentBootId(),
    self: selfIdentity(),
    isAlive,
  });
  const log = options.log ?? silentLog;
  const registry = options.registry ?? defaultRegistry({ homeDir: layout.home });
  const context: PluginContext = {
    layout,
    store,
    hardware: createHardwareProbe(),
    registries: options.registries ?? [],
    ...(options.dockerConfig === undefined ? {} : { dockerConfig: options.dockerConfig }),
  };
  const { choose: plugins, toAttach } = pluginChooser(registry, context);
  const { disks, overlays } = diskStores({ choose: plugins, toAttach });
  const sources = imageSources(registry, context);
  const images = imageService(context, sources, log);
  const agent = lazy(() => import('@boxlite/guest-agent'));
  let supervisor: Supervisor | undefined;
  return {
    layout,
    store,
    registry,
    log,
    metrics: new MetricsCounter(),
    ...owner,
    vmm: (id) => plugins<VmmHandler>('vmm', id ?? defaultVmm(process.env)),
    vmmToAttach: (id) => toAttach<VmmHandler>('vmm', id),
    ...images,
    disks,
    ...imageDiskService({ layout, store, log, disks: overlays, sourceOf: sources.of, imageCache: images.imageCache }),
    ...guestRootfsService(layout, store, overlays, log, options.agentPath),
    kernel: kernelService({ registry, plugins: { choose: plugins }, home: layout.home, log, environment: process.env }),
    lookAhead: lookAhead({ agent, sandbox: (boxOptions) => chooseSandbox({ choose: plugins, toAttach }, boxOptions) }),
    boxUsed: () => {
      supervisor?.busy?.();
      owner.boxUsed();
    },
    supervisor: lazy(async () => {
      const made = (await import('@boxlite/supervisor')).createSupervisor({ keepsSpare: true });
      owner.lifetime.addEventListener('abort', () => made.end?.(), { once: true });
      if (owner.lifetime.aborted) made.end?.();
      supervisor = made;
      return made;
    }),
    jail: async (request) =>
      buildJail(
        layout,
        () => chooseSandbox({ choose: plugins, toAttach }, request.options),
        await disks(request.disk?.store),
        request,
      ),
    showsReadOnly: async (boxOptions) => {
      const { jailer = 'required', jailerEnabled = true } = boxOptions.security;
      if (jailer !== 'required' || !jailerEnabled) return false;
      return (await chooseSandbox({ choose: plugins, toAttach }, boxOptions)).readOnlyMounts === true;
    },
    forgetJail: async (id, jail) =>
      (await import('@boxlite/jailer')).createCgroupV2Controller().release(id, jail?.cgroupDir),
    agent: async (channel) => (await agent()).createAgentClient(channel),
    templates: {
      store: new TemplateStore({
        ...{ layout, leases: store.leases },
        report: (message, cause) => log({ level: 'debug', message, cause }),
      }),
      settings: templateSettings(options.templates, process.env),
    },
  };
}
