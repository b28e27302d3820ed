import { join } from 'node:path';
import type { VmmSpec } from '@boxlite/core';
import { ensureSocketLinks } from '@boxlite/layout';
import { choosingFor } from '../../registry/plugin-origins.js';
import { checkMachine } from '../check-machine.js';
import { boxHostUser } from '../host-user/box-host-user.js';
import { withOwnFiles } from '../own-files.js';
import type { Stage } from '../pipeline.js';
import { reportingJail } from '../reporting-jail.js';
import { sharesOf } from '../shares.js';
import { required, type StartContext } from '../start-context.js';
import { volumeWarnings } from '../volume-owner.js';

/** Bytes of `console.log` before it is rotated once. */
const CONSOLE_MAX_BYTES = 4 * 1024 * 1024;
/** Where package rootfs puts the agent in the guest rootfs (spec section 3). */
const AGENT_IN_GUEST = '/boxlite/bin/boxlite-guest';

/** Builds the machine's specification and starts it through jail and supervisor. */
export const vmmSpawn: Stage<StartContext> = {
  name: 'vmm-spawn',
  async run(context) {
    const { services, box, options, guard } = context;
    const vmm = required(context, 'vmm');
    const volumes = required(context, 'volumes');
    const { path: kernel, initrd } = required(context, 'kernel');
    const disk = required(context, 'disk');
    const shares = required(context, 'shares');
    const machine: VmmSpec = {
      boxId: box.id,
      vcpus: options.cpus,
      memoryMib: options.memoryMib,
      kernel,
      ...(initrd === undefined ? {} : { initrd }),
      commandLine: ['root=/dev/vdb', 'ro', 'rootfstype=ext4', `init=${AGENT_IN_GUEST}`],
      disks: [
        { path: disk.path, format: disk.format, readOnly: false },
        { path: required(context, 'guestRootfsPath'), format: 'raw', readOnly: true },
      ],
      shares: sharesOf(shares, shares.some(({ readOnly }) => readOnly) && (await showsReadOnly(context))),
      nics: [],
      agentSocket: box.agentSocket,
    };
    checkMachine(vmm, machine);
    const containerUser = options.user ?? required(context, 'image').config.user ?? '';
    for (const message of volumeWarnings(volumes, containerUser, process.geteuid?.() ?? 0)) {
      services.log({ level: 'warn', message, boxId: box.id });
    }
    const spec = await withOwnFiles(vmm, machine, box, services.log);
    const [built, supervisor] = await Promise.all([
      choosingFor(context.record, 'sandbox', () =>
        services.jail({
          ...{ box, options, spec, vmm, volumes, containerUser, disk },
          hostUser: () => boxHostUser(services.store, box.id),
        }),
      ),
      services.supervisor(),
      // Fetching an image may have taken so long that somebody cleaned /tmp meanwhile.
      ensureSocketLinks(box),
    ]);
    const isBestEffort = options.security.jailer === 'best-effort';
    const jail = reportingJail(built, services.log, box.id, { isBestEffort });
    context.jail = jail;
    guard.onFailure('release the jail', () => jail.release());
    const vm = await vmm.start(
      spec,
      {
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
      },
      context.signal,
    );
    guard.onFailure('kill the VM', async () => {
      await vm.kill();
      await vm.close();
    });
    context.vm = vm;
  },
};

function showsReadOnly({ services, record, options }: StartContext): Promise<boolean> {
  return choosingFor(record, 'sandbox', () => services.showsReadOnly(options));
}
