import type { JailCommand, Plugin, RunningVm, SupervisedVm, VmmHandler } from '@boxlite/core';
import { Boxlite, defaultRegistry } from '@boxlite/sdk';
import { createQemuVmm } from '@boxlite/vmm-qemu';

/** Static, so that it runs in any view it is shown in. */
const SHELL = '/bin/busybox';

/** What a VMM does that was taken over. */
export interface TakenOver {
  /** Shell script that runs in the jail with the VMM's rights, beside it or in its place. */
  readonly script: string;
  /** False: the script is all there is, and no guest boots; default true: QEMU runs beside it and the guest is served as ever. */
  readonly boots?: boolean;
  /** Further programs it has brought along: static, shown read-only. */
  readonly programs?: readonly string[];
}

/**
 * Opens a home whose boxes run in a VMM that was taken over: everything around it, SDK, jail, supervisor, is what any box has. Its policy of
 * system calls is left out, since it forbids a shell: what is tested here is what the host does, whatever the VMM can.
 */
export async function openWithTakenOverVmm(homeDir: string, attack: () => TakenOver): Promise<Boxlite> {
  const registry = defaultRegistry({ homeDir });
  registry.register(takenOverVmmPlugin(attack));
  return Boxlite.open({ homeDir, registry });
}

/** The plugin `taken-over`. @param attack asked at each start */
export function takenOverVmmPlugin(attack: () => TakenOver): Plugin<'vmm', VmmHandler> {
  return {
    ...{ kind: 'vmm', id: 'taken-over', specificationVersion: 'v2', priority: -1 },
    probe: async () => ({ available: true }),
    create: () => takenOverVmm(attack),
  };
}

function takenOverVmm(attack: () => TakenOver): VmmHandler {
  const qemu = createQemuVmm({ accelerator: 'tcg', hardware: { kvm: async () => ({ state: 'absent' }) as never } });
  return {
    ...qemu,
    id: 'taken-over',
    // It serves whatever is asked for: a VMM that was taken over keeps to no rule.
    check: () => undefined,
    async requirements(spec) {
      const { seccompPolicy: _policy, ...needed } = await qemu.requirements({ ...spec, shares: [] });
      const programs = [SHELL, ...(attack().programs ?? [])].map((path) => ({ path, writable: false }));
      return { ...needed, paths: [...needed.paths, ...programs] };
    },
    command: (spec) => qemu.command({ ...spec, shares: [] }),
    async start(spec, host, signal) {
      const { script, boots = true } = attack();
      const beside = (command: JailCommand): JailCommand => ({
        ...command,
        binary: SHELL,
        args: boots
          ? ['sh', '-c', `( ${script} ) & exec "$0" "$@"`, command.binary, ...command.args]
          : ['sh', '-c', script],
      });
      const jail = Object.create(host.jail, {
        command: { value: (command: JailCommand) => host.jail.command(beside(command)) },
      });
      if (boots) return qemu.start({ ...spec, shares: [] }, { ...host, jail }, signal);
      await jail.prepare();
      const command = jail.command({ binary: SHELL, args: [], env: {} });
      return running(await host.supervisor.launch({ ...host.request, command }, signal));
    },
  };
}

function running(vm: SupervisedVm): RunningVm {
  return {
    ...{ identity: vm.welcome.vmm, channel: vm.channel },
    wait: () => vm.wait(),
    stop: (graceMs) => vm.stop(graceMs),
    kill: () => vm.kill(),
    close: () => vm.close(),
    [Symbol.asyncDispose]: () => vm.close(),
  };
}
