import { join } from 'node:path';
import { BoxliteError, type RunningVm, type VmmHandler, type VmmHost, type VmmSpec } from '@boxlite/core';
import { ensureSocketLinks } from '@boxlite/layout';
import { choosingFor } from '../registry/plugin-origins.js';
import { boxHostUser } from './host-user/box-host-user.js';
import { withOwnFiles } from './own-files.js';
import { reportingJail } from './reporting-jail.js';
import { required, type StartContext } from './start-context.js';

/** Bytes of `console.log` before it is rotated once. */
const CONSOLE_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Starts a machine through jail and supervisor: it boots, or goes on from `machine.from`. Leaves `vm` and `jail` in the context, and what takes both back
 * again with the guard and as `undoSpawn`.
 * @throws BoxliteError what the VMM's `start` or `restore` throws; nothing runs then
 */
export async function spawnMachine(context: StartContext, machine: VmmSpec): Promise<void> {
  const { services, box, options, guard } = context;
  const vmm = required(context, 'vmm');
  const spec = await withOwnFiles(vmm, machine, box, services.log);
  const [built, supervisor] = await Promise.all([
    choosingFor(context.record, 'sandbox', () =>
      services.jail({
        ...{ box, options, spec, vmm, volumes: required(context, 'volumes') },
        ...{ containerUser: containerUser(context), disk: required(context, 'disk') },
        hostUser: () => boxHostUser(context.hostUsers ?? services.store, box.id),
      }),
    ),
    services.supervisor(),
    // Fetching an image may have taken so long that somebody cleaned /tmp meanwhile.
    ensureSocketLinks(box),
  ]);
  const isBestEffort = options.security.jailer === 'best-effort';
  const jail = reportingJail(built, services.log, box.id, { isBestEffort });
  context.jail = jail;
  const forgetJail = guard.onFailure('release the jail', () => jail.release());
  const host: VmmHost = {
    jail,
    supervisor,
    request: {
      boxId: box.id,
      agentSocket: box.agentSocket,
      controlDir: box.controlDir,
      pidFile: box.pidFile,
      stderrFile: box.stderrFile,
      exitFile: box.exitFile,
      consoleFile: box.consoleLog,
      consoleMaxBytes: CONSOLE_MAX_BYTES,
      detached: options.detach,
    },
    listenerPath: (name) => join(box.controlDir, `${name}.sock`),
  };
  let vm: RunningVm;
  try {
    vm = await (spec.from === undefined
      ? vmm.start(spec, host, context.signal)
      : restore(vmm, spec, host, context.signal));
  } catch (thrown) {
    // The handler has released it, and the start may go on in another way, with a jail of its own.
    if (spec.from !== undefined) forgetJail();
    throw thrown;
  }
  const killVm = async (): Promise<void> => {
    await vm.kill();
    await vm.close();
  };
  const forgetVm = guard.onFailure('kill the VM', killVm);
  context.vm = vm;
  context.undoSpawn = async () => {
    forgetVm();
    forgetJail();
    delete context.undoSpawn;
    delete context.vm;
    await killVm();
    await jail.release();
  };
}

/** As the box or its image says; decides whose the files of volumes are in the guest. */
export function containerUser(context: StartContext): string {
  return context.options.user ?? required(context, 'image').config.user ?? '';
}

function restore(vmm: VmmHandler, spec: VmmSpec, host: VmmHost, signal: AbortSignal | undefined): Promise<RunningVm> {
  if (vmm.restore !== undefined) return vmm.restore(spec, host, signal);
  throw new BoxliteError('unsupported', `the vmm ${JSON.stringify(vmm.id)} cannot go on from a snapshot`, {
    hint: 'use one that can: --vmm qemu',
    details: { field: 'vmm', vmm: vmm.id },
  });
}
