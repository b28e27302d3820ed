import { join } from 'node:path';
import {
  BoxliteError,
  type HardwareProbe,
  type RunningVm,
  type VmmCommand,
  type VmmFileCopy,
  type VmmHandler,
  type VmmHost,
  type VmmSpec,
} from '@boxlite/core';
import { checkFiles } from './check-files.js';
import { libkrunRunningVm } from './libkrun-running-vm.js';
import type { LibkrunVmmOptions } from './libkrun-vmm-options.js';
import { findLibkrun } from './library/find-libkrun.js';
import type { LibkrunLibrary } from './library/libkrun-library.js';
import { checkLibrary } from './machine/check-library.js';
import { checkSpec } from './machine/check-spec.js';
import { memoryOverheadMib } from './machine/memory-overhead.js';
import { seccompPolicy } from './seccomp-policy.js';
import { shimConfig } from './shim/shim-config.js';
import { shimPath } from './shim/shim-path.js';

/** Names of the copies in a box's own directory. */
const SHIM_COPY = 'boxlite-krun-shim';
const LIBRARY_COPY = 'libkrun.so.1';

/**
 * A {@link VmmHandler} over libkrun: a machine is a process of the shim, which loads libkrun and becomes the machine.
 *
 * Unless it is given, the library is looked for by the first `requirements` or `start`; `check` called before that knows what no libkrun can do,
 * afterwards also what the one found cannot do. Both refuse that too.
 */
export function createLibkrunVmm(options: LibkrunVmmOptions): VmmHandler {
  const limits = { kernelMaxVcpus: options.kernelMaxVcpus, arch: process.arch };
  const shim = () => options.shimPath ?? shimPath();
  let found = options.library;
  const library = async () => {
    found ??= await findLibkrun(options);
    return found;
  };
  const check = (spec: VmmSpec) => {
    checkSpec(spec, limits);
    if (found !== undefined) checkLibrary(spec, found);
  };
  const copies = ({ path }: LibkrunLibrary): readonly VmmFileCopy[] => [
    { from: shim(), name: SHIM_COPY },
    { from: path, name: LIBRARY_COPY },
  ];

  const command = (spec: VmmSpec): VmmCommand => {
    const { binDir } = spec;
    const settings = { logLevel: options.logLevel ?? 'warn', tsi: options.tsi ?? false } as const;
    return {
      binary: binDir === undefined ? shim() : join(binDir, SHIM_COPY),
      args: [],
      env: {},
      stdin: shimConfig(spec, {
        ...settings,
        library: binDir === undefined ? pathOf(found) : join(binDir, LIBRARY_COPY),
      }),
      listeners: [],
    };
  };

  return {
    id: 'libkrun',
    check,
    command,
    memoryOverheadMib,
    async requirements(spec) {
      const files = copies(await library());
      check(spec);
      const devices = ['/dev/kvm'];
      // libkrun reaches the files of its shares through /proc/self/fd.
      const places = spec.shares.length === 0 ? [] : [{ path: '/proc', writable: false }];
      const network = options.tsi === true ? { hostNetwork: true } : {};
      const seccomp = {
        seccompPolicy: await seccompPolicy(),
        seccompSwitches: [...(spec.shares.length === 0 ? [] : ['shares']), ...(options.tsi === true ? ['tsi'] : [])],
      };
      if (spec.binDir !== undefined) return { ...network, ...seccomp, paths: places, devices, copies: files };
      const originals = files.map(({ from }) => ({ path: from, writable: false }));
      return { ...network, ...seccomp, paths: [...places, ...originals], devices };
    },
    async start(spec, host, signal) {
      checkSpec(spec, limits);
      refuseAborted(spec, signal);
      await library();
      check(spec);
      await requireKvm(spec, options.hardware);
      checkFiles(spec);
      refuseAborted(spec, signal);
      return startMachine(command(spec), host, signal);
    },
    attach: (vm) => libkrunRunningVm(vm),
  };
}

async function startMachine(
  { binary, args, env, stdin }: VmmCommand,
  host: VmmHost,
  signal: AbortSignal | undefined,
): Promise<RunningVm> {
  await host.jail.prepare();
  try {
    const command = host.jail.command({ binary, args, env });
    const vm = await host.supervisor.launch({ ...host.request, command, ...(stdin && { stdin }) }, signal);
    return libkrunRunningVm(vm);
  } catch (thrown) {
    await host.jail.release();
    throw thrown;
  }
}

function pathOf(library: LibkrunLibrary | undefined): string {
  if (library !== undefined) return library.path;
  throw new BoxliteError('invalid_state', 'libkrun has not been looked for yet', {
    hint: 'await requirements(spec) before command(spec), or give option library',
    details: { field: 'library' },
  });
}

/** libkrun would fail too, but as a process that has ended. */
async function requireKvm({ boxId }: VmmSpec, hardware: HardwareProbe): Promise<void> {
  const status = await hardware.kvm();
  if (status.state === 'usable') return;
  throw new BoxliteError('vmm_unavailable', `box ${boxId}: libkrun runs nothing without KVM: ${status.reason}`, {
    hint: status.remedy,
    details: { field: 'hardware', state: status.state },
  });
}

function refuseAborted(spec: VmmSpec, signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new BoxliteError('aborted', `starting box ${spec.boxId}: aborted`, { cause: signal.reason });
}
