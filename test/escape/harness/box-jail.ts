import type { Jail, VmmSpec } from '@boxlite/core';
import { createQcow2DiskStore } from '@boxlite/disk-qcow2';
import { stagingName } from '@boxlite/layout';
import { HOST_IDS } from '../../../packages/sdk/src/init/host-user/choose-host-id.js';
import { parseBoxOptions } from '../../../packages/sdk/src/options/box-options.js';
import { checkVolumes } from '../../../packages/sdk/src/options/volume.js';
import { chooseSandbox } from '../../../packages/sdk/src/registry/choose-sandbox.js';
import { defaultRegistry } from '../../../packages/sdk/src/registry/default-registry.js';
import { pluginChooser } from '../../../packages/sdk/src/registry/plugin-chooser.js';
import type { PluginContext } from '../../../packages/sdk/src/registry/plugin-context.js';
import { buildJail } from '../../../packages/sdk/src/runtime/build-jail.js';
import { createHostileVmm } from './hostile-vmm.js';
import type { EscapeJob } from './job.js';
import { LIMITS } from './limits.js';
import type { World } from './world.js';

/** The jail of a box, as the SDK builds it, and the sentences it tells. */
export interface BoxJail {
  readonly jail: Jail;
  readonly told: readonly string[];
}

/** Builds the jail of the world's box around the hostile program in the VMM's place, and prepares it. */
export async function openBoxJail(world: World, job: EscapeJob): Promise<BoxJail> {
  const { box, layout, bases, base } = world;
  const disks = createQcow2DiskStore({
    stagingDirectory: layout.tmpDir,
    stagingName: () => stagingName(),
    allowedDirectories: [layout.basesDir, layout.diskImagesDir, layout.boxesDir],
  });
  await disks.createChild(box.containerDisk, { path: base, format: 'raw' });
  const spec: VmmSpec = {
    ...{ boxId: box.id, vcpus: 1, memoryMib: 160, kernel: world.kernel, commandLine: [], shares: [] },
    nics: job.network ? [{ socketPath: box.networkSocket, macAddress: '52:54:00:00:00:01' }] : [],
    agentSocket: box.agentSocket,
    binDir: box.binDir,
    disks: [
      { path: box.containerDisk, format: 'qcow2', readOnly: false },
      ...bases.map((path) => ({ path, format: 'raw' as const, readOnly: true })),
    ],
  };
  const { maxOpenFiles, maxProcesses, maxMemory, maxFileSize, maxCpuTime } = LIMITS;
  const volumes = await checkVolumes(
    [
      { hostPath: world.writableVolume, guestPath: '/rw', readOnly: false },
      { hostPath: world.readOnlyVolume, guestPath: '/ro', readOnly: true },
    ],
    () => undefined,
  );
  const options = parseBoxOptions({ security: { maxOpenFiles, maxProcesses, maxMemory, maxFileSize, maxCpuTime } });
  // No sandbox looks at the database.
  const plugins = pluginChooser(defaultRegistry(), { layout } as PluginContext);
  const jail = await buildJail(layout, () => chooseSandbox(plugins, { security: options.security }), disks, {
    box,
    options,
    spec,
    vmm: createHostileVmm(world.program, job),
    volumes,
    containerUser: '',
    // Drawn from the state store otherwise.
    hostUser: async () => ({ uid: HOST_IDS.first, gid: HOST_IDS.first }),
  });
  const told = await jail.prepare();
  return { jail, told };
}
