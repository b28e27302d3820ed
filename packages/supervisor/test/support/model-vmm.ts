import { access, open, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import {
  BoxliteError,
  type ErrorCode,
  FrameType,
  type RunningVm,
  type SupervisedVm,
  throwIfAborted,
  toBoxliteError,
  type VmmCommand,
  type VmmHandler,
  type VmmHost,
  type VmmSpec,
} from '@boxlite/core';
import type { TestGuest } from '@boxlite/core/testing';
import { nativeDir } from './native-build.js';

export const modelMachine = `${nativeDir}build/fixture-machine`;
const MONITOR_FD = 10;
const STATE_FD = 11;

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
      if (spec.from !== undefined) refuse('invalid_argument', 'from');
      await checkFiles(spec);
      throwIfAborted(signal, 'starting the model');
      return startModel(spec, host, signal);
    },
    snapshotKey: async ({ vcpus, memoryMib, disks }) =>
      ['model', vcpus, memoryMib, ...disks.map(({ format, readOnly }) => `${format}:${readOnly}`)].join(' '),
    async restore(spec, host, signal) {
      check(spec);
      if (spec.from === undefined) refuse('invalid_argument', 'from');
      await checkFiles(spec);
      throwIfAborted(signal, 'restoring the model');
      try {
        return await startModel(spec, host, signal);
      } catch (thrown) {
        if (!BoxliteError.isInstance(thrown, 'vmm_failed')) throw thrown;
        throw new BoxliteError('snapshot_invalid', thrown.message, { cause: thrown });
      }
    },
    attach: (vm, listenerPath) => runningModel(vm, listenerPath('monitor')),
  };
}

function check({ vcpus, memoryMib, kernel, initrd, disks, shares, nics, from }: VmmSpec): void {
  if (![from?.memory, from?.state].every((path) => path?.startsWith('/') ?? true)) refuse('invalid_argument', 'from');
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

function command({ kernel, commandLine, disks, vcpus, memoryMib, agentSocket, from }: VmmSpec): VmmCommand {
  return {
    binary: modelMachine,
    args: [
      ...['--kernel', kernel, '--append', commandLine.join(' '), '--vcpus', `${vcpus}`, '--memory', `${memoryMib}`],
      ...disks.flatMap(({ format, readOnly, path }) => ['--disk', `${format}:${readOnly ? 'ro' : 'rw'}:${path}`]),
      ...['--agent', agentSocket, '--monitor', `${MONITOR_FD}`],
      ...(from === undefined ? [] : ['--state', `${STATE_FD}`, '--memory-file', from.memory]),
    ],
    env: {},
    listeners: [{ name: 'monitor', fd: MONITOR_FD }],
    ...(from === undefined ? {} : { files: [{ fd: STATE_FD, path: from.state }] }),
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
    const { binary, args, env, listeners, files } = command(spec);
    vm = await host.supervisor.launch(
      {
        ...host.request,
        command: host.jail.command({ binary, args, env }),
        listeners: listeners.map(({ name, fd }) => ({ fd, path: host.listenerPath(name) })),
        ...(files === undefined ? {} : { files }),
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
  if ((await order(monitorPath, 'r')) !== '') return;
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
    snapshot: captureOf(monitorPath),
    fork: captureOf(monitorPath),
    close: () => vm.close(),
    [Symbol.asyncDispose]: () => vm.close(),
  };
}

/** What captures the machine behind a monitor; one at a time. */
function captureOf(monitorPath: string): NonNullable<RunningVm['snapshot']> {
  return async ({ memory, state }, { whileStill, signal } = {}) => {
    throwIfAborted(signal, 'capturing the model');
    const before = await order(monitorPath, '?');
    if (before === '') throw new BoxliteError('stopped', 'the model has ended');
    await order(monitorPath, 'p');
    const written: string[] = [];
    try {
      for (const [path, what] of [
        [memory, 'm'],
        [state, 's'],
      ] as const) {
        await writeFile(path, await order(monitorPath, what), { mode: 0o600, flag: 'wx' });
        written.push(path);
      }
      await whileStill?.();
      throwIfAborted(signal, 'capturing the model');
    } catch (thrown) {
      for (const path of written) await rm(path);
      throw toBoxliteError(thrown, 'storage_error', 'capturing the model');
    } finally {
      if (before === 'r') await order(monitorPath, 'r');
    }
  };
}

/** One order for the monitor, and its answer; empty when the machine is gone. */
function order(monitorPath: string, what: 'p' | 'r' | '?' | 'm' | 's'): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(monitorPath, () => socket.write(what));
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    // A machine that is gone has no monitor; 'close' follows and says so.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

/** A round trip to the agent of the model. */
export const pingModel = async (vm: SupervisedVm): Promise<void> => void (await ask(vm, 'ping'));

/** What its agent does with its memory and its disk. */
export const modelGuest: TestGuest = {
  keep: async (vm, text) => void (await ask(vm, `keep ${text}`)),
  kept: async (vm) => (await ask(vm, 'kept')).replace(/\0+$/, ''),
  diskBytes: async (vm) => Number(await ask(vm, 'size')),
};

async function ask(vm: SupervisedVm, question: string): Promise<string> {
  const answered = new Promise<string>((resolve, reject) => {
    vm.channel.onFrame(({ type, payload }) => {
      if (type === FrameType.RESPONSE) resolve(Buffer.from(payload).toString('latin1'));
    });
    vm.channel.onClose(reject);
  });
  await vm.channel.send({ type: FrameType.REQUEST, stream: 1, payload: Buffer.from(question) });
  const answer = await answered;
  await vm.close();
  return answer;
}
