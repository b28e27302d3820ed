import { access, open } from 'node:fs/promises';
import { connect } from 'node:net';
import {
  BoxliteError,
  type ErrorCode,
  FrameType,
  type RunningVm,
  type SupervisedVm,
  throwIfAborted,
  type VmmCommand,
  type VmmHandler,
  type VmmHost,
  type VmmSpec,
} from '@boxlite/core';
import { nativeDir } from './native-build.js';

export const modelMachine = `${nativeDir}build/fixture-machine`;
const MONITOR_FD = 10;

/** A correct {@link VmmHandler} over a VMM that emulates nothing (native/test/fixture-machine.c): what mutants are made of. */
export function createModelVmm(): VmmHandler {
  return {
    id: 'model',
    check,
    command,
    requirements: async () => ({ paths: [{ path: modelMachine, writable: false }], devices: [] }),
    memoryOverheadMib: () => 1,
    async start(spec, host, signal) {
      check(spec);
      await checkFiles(spec);
      throwIfAborted(signal, 'starting the model');
      return startModel(spec, host, signal);
    },
    attach: (vm, listenerPath) => runningModel(vm, listenerPath('monitor')),
  };
}

function check({ vcpus, memoryMib, kernel, initrd, disks, shares, nics }: VmmSpec): void {
  if (initrd !== undefined) refuse('unsupported', 'initrd');
  if (shares.length > 0) refuse('unsupported', 'shares');
  if (nics.length > 0) refuse('unsupported', 'nics');
  if (!Number.isInteger(vcpus) || vcpus < 1) refuse('invalid_argument', 'vcpus');
  if (vcpus > 8) refuse('unsupported', 'vcpus');
  if (!Number.isInteger(memoryMib)) refuse('invalid_argument', 'memoryMib');
  if (memoryMib < 8) refuse('resource_exhausted', 'memoryMib');
  if (!kernel.startsWith('/')) refuse('invalid_argument', 'kernel');
  if (disks.length > 8) refuse('unsupported', 'disks');
  for (const [index, { path, format }] of disks.entries()) {
    if (!path.startsWith('/')) refuse('invalid_argument', `disks[${index}].path`);
    if (!['raw', 'qcow2'].includes(format)) refuse('unsupported', `disks[${index}].format`);
  }
}

function refuse(code: ErrorCode, field: string): never {
  throw new BoxliteError(code, `the model cannot do that: ${field}`, { details: { field } });
}

function command({ kernel, commandLine, disks, vcpus, memoryMib, agentSocket }: VmmSpec): VmmCommand {
  return {
    binary: modelMachine,
    args: [
      ...['--kernel', kernel, '--append', commandLine.join(' '), '--vcpus', `${vcpus}`, '--memory', `${memoryMib}`],
      ...disks.flatMap(({ format, readOnly, path }) => ['--disk', `${format}:${readOnly ? 'ro' : 'rw'}:${path}`]),
      ...['--agent', agentSocket, '--monitor', `${MONITOR_FD}`],
    ],
    env: {},
    listeners: [{ name: 'monitor', fd: MONITOR_FD }],
  };
}

async function checkFiles({ kernel, disks }: VmmSpec): Promise<void> {
  const files = [['kernel', kernel], ...disks.map(({ path }, index) => [`disks[${index}].path`, path])];
  for (const [field, path] of files as [string, string][]) {
    await access(path).catch((cause: unknown) => {
      throw new BoxliteError('not_found', `${path} does not exist`, { cause, details: { field } });
    });
  }
  await using file = await open(kernel);
  const { buffer } = await file.read({ buffer: Buffer.alloc(4), position: 0 });
  if (buffer.toString('latin1') !== '\x7fELF') refuse('invalid_argument', 'kernel');
}

async function startModel(spec: VmmSpec, host: VmmHost, signal: AbortSignal | undefined): Promise<RunningVm> {
  await host.jail.prepare();
  let vm: SupervisedVm | undefined;
  try {
    const { binary, args, env, listeners } = command(spec);
    vm = await host.supervisor.launch(
      {
        ...host.request,
        command: host.jail.command({ binary, args, env }),
        listeners: listeners.map(({ name, fd }) => ({ fd, path: host.listenerPath(name) })),
      },
      signal,
    );
    throwIfAborted(signal, 'starting the model');
    await machineIsBuilt(vm, host.listenerPath('monitor'));
    return runningModel(vm, host.listenerPath('monitor'));
  } catch (thrown) {
    await vm?.kill();
    await vm?.close();
    await host.jail.release();
    throw thrown;
  }
}

async function machineIsBuilt(vm: SupervisedVm, monitorPath: string): Promise<void> {
  if (await order(monitorPath, 'r')) return;
  const record = await vm.wait();
  const said = 'stderrTail' in record ? record.stderrTail.trim() : '';
  // A guest that panicked at once has had its machine.
  if (record.kind === 'Panic' || record.kind === 'Clean') return;
  throw new BoxliteError('vmm_failed', `the model did not start: ${said === '' ? record.message : said}`);
}

function runningModel(vm: SupervisedVm, monitorPath: string): RunningVm {
  return {
    identity: vm.welcome.vmm,
    channel: vm.channel,
    wait: () => vm.wait(),
    kill: () => vm.kill(),
    async stop(graceMs) {
      await order(monitorPath, 'r');
      return vm.stop(graceMs);
    },
    pause: async () => void (await order(monitorPath, 'p')),
    resume: async () => void (await order(monitorPath, 'r')),
    close: () => vm.close(),
    [Symbol.asyncDispose]: () => vm.close(),
  };
}

/** One order for the monitor; false when the machine is gone. */
function order(monitorPath: string, what: 'p' | 'r'): Promise<boolean> {
  return new Promise((resolve) => {
    let answered = false;
    const socket = connect(monitorPath, () => socket.write(what));
    socket.on('data', () => {
      answered = true;
      socket.destroy();
    });
    // A machine that is gone has no monitor; 'close' follows and says so.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answered));
  });
}

/** A round trip to the agent of the model. */
export async function pingModel(vm: SupervisedVm): Promise<void> {
  const answered = new Promise<void>((resolve, reject) => {
    vm.channel.onFrame(({ type }) => {
      if (type === FrameType.RESPONSE) resolve();
    });
    vm.channel.onClose(reject);
  });
  await vm.channel.send({ type: FrameType.REQUEST, stream: 1, payload: Buffer.from('ping') });
  await answered;
  await vm.close();
}
