import type { HardwareProbe, RunningVm, SupervisedVm, VmmCommand, VmmHandler, VmmHost, VmmSpec } from '@boxlite/core';
import { BoxliteError, throwIfAborted } from '@boxlite/core';
import { awaitMachine } from './await-machine.js';
import { checkFiles } from './check-files.js';
import { chooseProgram, qemuPlace } from './host/choose-program.js';
import { findQemuFiles } from './host/qemu-files.js';
import { type Accelerator, type AcceleratorChoice, chooseAccelerator } from './machine/accelerator.js';
import { checkSpec } from './machine/check-spec.js';
import { STATE_FD } from './machine/incoming-state.js';
import { memoryOverheadMib } from './machine/memory-overhead.js';
import { QMP_LISTENER_FD, QMP_LISTENER_NAME, qemuArguments } from './machine/qemu-arguments.js';
import { qemuRunningVm } from './qemu-running-vm.js';
import { seccompPolicy } from './seccomp-policy.js';
import { checkSnapshot } from './snapshot/check-snapshot.js';
import { continueMachine } from './snapshot/continue-machine.js';
import { preloadEnvironment, preloadLibrary } from './snapshot/preload-library.js';
import { snapshotKey } from './snapshot/snapshot-key.js';

/** Settings of {@link createQemuVmm}. */
export interface QemuVmmOptions {
  /** Says what KVM can do here, and the frequency of the time stamp counter. */
  readonly hardware: HardwareProbe;
  /** `auto` (default) takes KVM where it is usable, else TCG; `kvm` refuses to start without it. */
  readonly accelerator?: Accelerator | 'auto';
  /** Absolute path of the QEMU to run; default: `qemu-system-x86_64` in `PATH`, with KVM `qemu-system-x86_64-microvm` of the same build beside it. */
  readonly binary?: string;
  /** Directories with QEMU's firmware, before the usual ones. */
  readonly firmwareDirs?: readonly string[];
  /** Default `process.env.PATH`. */
  readonly searchPath?: string;
  /** Milliseconds QEMU may take to build a machine before `start` throws `timeout`; default 30 000. More for hosts that are emulated themselves. */
  readonly machineTimeoutMs?: number;
}

/** Building the machine takes 20 to 50 ms. */
const MACHINE_TIMEOUT_MS = 30_000;

/**
 * A {@link VmmHandler} over QEMU's microvm machine, with KVM or without any hardware (TCG).
 *
 * The accelerator is decided by the first `requirements` or `start`; `command` and `memoryOverheadMib` called before that suppose TCG,
 * which needs the most and runs anywhere.
 */
export function createQemuVmm(options: QemuVmmOptions): VmmHandler {
  let decided: AcceleratorChoice | undefined;
  const decide = async () => {
    decided ??= await chooseAccelerator(options.accelerator ?? 'auto', options.hardware);
    return decided;
  };
  const choice = (): AcceleratorChoice => decided ?? { accelerator: 'tcg', reason: 'not decided yet' };
  const programFor = ({ unfiltered: isUnfiltered = false }: VmmSpec) =>
    chooseProgram(qemuPlace(options), { accelerator: choice().accelerator, isUnfiltered });
  const files = (binary: string) => findQemuFiles(binary, choice().accelerator, options.firmwareDirs ?? []);

  const command = (spec: VmmSpec, stateVersion = ''): VmmCommand => {
    const { path, hasSandbox } = programFor(spec);
    return {
      binary: path,
      args: qemuArguments(spec, { ...choice(), firmwareDir: files(path).firmwareDir, stateVersion, hasSandbox }),
      env: spec.from === undefined ? {} : preloadEnvironment(spec.from.memory),
      listeners: [{ name: QMP_LISTENER_NAME, fd: QMP_LISTENER_FD }],
      ...(spec.from === undefined ? {} : { files: [{ fd: STATE_FD, path: spec.from.state }] }),
    };
  };
  const timeoutMs = options.machineTimeoutMs ?? MACHINE_TIMEOUT_MS;

  return {
    id: 'qemu',
    check: checkSpec,
    command: (spec) => command(spec),
    memoryOverheadMib: (spec) => memoryOverheadMib(choice().accelerator, spec.vcpus),
    async requirements(spec) {
      const { accelerator } = await decide();
      const { path: binary } = programFor(spec);
      const { firmware, modules } = files(binary);
      const restored = spec.from === undefined ? [] : [preloadLibrary()];
      return {
        paths: [binary, ...modules, firmware, ...restored].map((path) => ({ path, writable: false })),
        devices: accelerator === 'kvm' ? ['/dev/kvm'] : [],
        seccompPolicy: await seccompPolicy(),
        seccompSwitches: accelerator === 'kvm' ? ['kvm'] : [],
      };
    },
    async start(spec, host, signal) {
      if (spec.from !== undefined) throw onlyRestored(spec.boxId);
      checkSpec(spec);
      await checkFiles(spec);
      await decide();
      const built = (vm: SupervisedVm, monitorPath: string) =>
        awaitMachine(vm, spec.boxId, monitorPath, timeoutMs, signal);
      return startMachine(spec, command(spec), host, built, signal);
    },
    async snapshotKey(spec) {
      const { accelerator, tscKhz } = await decide();
      const { path: binary, hasSandbox } = programFor(spec);
      return snapshotKey(spec, { binary, hasSandbox, accelerator, tscKhz, files: files(binary) });
    },
    async restore(spec, host, signal) {
      const { from } = spec;
      if (from === undefined) throw nothingToRestore(spec.boxId);
      checkSpec(spec);
      await checkFiles(spec);
      const { accelerator } = await decide();
      const trailer = await checkSnapshot(spec, from, accelerator);
      const loaded = (vm: SupervisedVm, monitorPath: string) =>
        continueMachine(vm, spec, trailer, { monitorPath, timeoutMs, signal });
      return startMachine(spec, command(spec, trailer.qemu), host, loaded, signal);
    },
    attach: (vm, listenerPath, machine) => qemuRunningVm(vm, listenerPath(QMP_LISTENER_NAME), machine),
  };
}

async function startMachine(
  spec: VmmSpec,
  { binary, args, env, listeners, files }: VmmCommand,
  host: VmmHost,
  awaitRunning: (vm: SupervisedVm, monitorPath: string) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<RunningVm> {
  throwIfAborted(signal, `starting box ${spec.boxId}`);
  const monitorPath = host.listenerPath(QMP_LISTENER_NAME);
  await host.jail.prepare();
  let vm: SupervisedVm | undefined;
  try {
    const command = host.jail.command({ binary, args, env });
    const inherited = {
      listeners: listeners.map(({ name, fd }) => ({ fd, path: host.listenerPath(name) })),
      ...(files === undefined ? {} : { files }),
    };
    vm = await host.supervisor.launch({ ...host.request, command, ...inherited }, signal);
    await awaitRunning(vm, monitorPath);
    return qemuRunningVm(vm, monitorPath, spec);
  } catch (thrown) {
    await vm?.kill();
    await vm?.close();
    await host.jail.release();
    throw thrown;
  }
}

function onlyRestored(boxId: string): BoxliteError {
  return new BoxliteError('invalid_argument', `box ${boxId} is to go on from a snapshot, which is not a start`, {
    hint: 'call restore, or leave out from',
    details: { field: 'from' },
  });
}

function nothingToRestore(boxId: string): BoxliteError {
  return new BoxliteError('invalid_argument', `box ${boxId} has no snapshot to go on from`, {
    hint: 'give the snapshot as from, or call start',
    details: { field: 'from' },
  });
}
