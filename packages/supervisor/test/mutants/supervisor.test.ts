import { spawn } from 'node:child_process';
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import type { ExitRecord, SupervisedVm, SuperviseRequest, Supervisor } from '@boxlite/core';
import { BoxliteError } from '@boxlite/core';
import { supervisorConformance } from '@boxlite/core/testing';
import { afterAll, beforeAll } from 'vitest';
import { type Mutant, mutantTests } from '../../../core/test/mutants/mutant-tests.js';
import { buildNative } from '../support/native-build.js';
import { supervisorSetup } from '../support/supervisor-setups.js';

type Mutation = (right: Supervisor) => Supervisor;

const CLEAN: ExitRecord = { kind: 'Clean', reason: 'shutdown' };
/** Processes mutants leave behind on purpose. */
const litter: (() => void)[] = [];

beforeAll(() => buildNative('all', 'fixtures'));
afterAll(() => {
  for (const remove of litter) remove();
});

/** Changes every connection, launched or connected. */
function connections(change: (vm: SupervisedVm, request?: SuperviseRequest) => Partial<SupervisedVm>): Mutation {
  const changed = (vm: SupervisedVm, request?: SuperviseRequest): SupervisedVm => ({
    welcome: vm.welcome,
    channel: vm.channel,
    stop: (graceMs) => vm.stop(graceMs),
    kill: () => vm.kill(),
    wait: () => vm.wait(),
    close: () => vm.close(),
    [Symbol.asyncDispose]: () => vm.close(),
    ...change(vm, request),
  });
  return (right) => ({
    launch: async (request, signal) => changed(await right.launch(request, signal), request),
    connect: async (controlDir, signal) => changed(await right.connect(controlDir, signal)),
  });
}

const requests =
  (change: (request: SuperviseRequest) => Partial<SuperviseRequest>): Mutation =>
  (right) => ({ ...right, launch: (request, signal) => right.launch({ ...request, ...change(request) }, signal) });

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'tells the supervisor for the VMM',
    killedBy: 'launch of a guest that never speaks',
    mutation: connections((vm) => ({ welcome: { ...vm.welcome, vmm: vm.welcome.supervisor } })),
  },
  {
    mistake: 'knows no start times',
    killedBy: 'launch of a guest that never speaks',
    mutation: connections((vm) => ({ welcome: { ...vm.welcome, vmm: { pid: vm.welcome.vmm.pid, startTime: 0 } } })),
  },
  {
    mistake: 'waits for the guest before it says that the VMM runs',
    killedBy: 'launch of a guest that never speaks',
    mutation: (right) => ({
      ...right,
      async launch(request, signal) {
        const vm = await right.launch(request, signal);
        await new Promise<void>((resolve) => vm.channel.onFrame(() => resolve()));
        return vm;
      },
    }),
  },
  {
    mistake: 'writes the record after the VMM has been started, and elsewhere',
    killedBy: 'the VMM itself can read the record',
    mutation: requests((request) => ({ pidFile: `${request.pidFile}.new` })),
  },
  {
    mistake: 'gives the VMM no stdin',
    killedBy: 'stdin is what the request says',
    mutation: (right) => ({
      ...right,
      launch: ({ stdin: _stdin, ...request }, signal) => right.launch(request, signal),
    }),
  },
  {
    mistake: "adds the host's environment",
    killedBy: 'the VMM sees the environment',
    mutation: requests(({ command }) => ({ command: { ...command, env: { HOME: '/root', ...command.env } } })),
  },
  {
    mistake: 'hands more descriptors on than it was asked to',
    killedBy: 'data descriptors hold their bytes',
    mutation: requests(({ command }) => ({
      command: { ...command, dataFds: [...(command.dataFds ?? []), { fd: 8, data: new Uint8Array(1) }] },
    })),
  },
  {
    mistake: 'binds listeners under another number',
    killedBy: 'a listener is a socket at its number',
    mutation: requests(({ listeners = [] }) => ({
      listeners: listeners.map(({ fd, path }) => ({ fd: fd + 1, path })),
    })),
  },
  {
    mistake: 'opens files for writing, too',
    killedBy: 'a file is open at its number',
    mutation: requests(({ command, files = [] }) =>
      files.length === 0
        ? {}
        : {
            files: [],
            command: {
              ...command,
              binary: '/bin/bash',
              args: ['-c', `exec ${files.map(({ fd, path }) => `${fd}<>${path}`).join(' ')}; ${command.args[1]}`],
            },
          },
    ),
  },
  {
    mistake: 'follows a link in the place of a file',
    killedBy: 'a link in the place of a file',
    mutation: requests(({ files = [] }) => ({
      files: files.map(({ fd, path }) => ({ fd, path: existsSync(path) ? realpathSync(path) : path })),
    })),
  },
  {
    mistake: 'lets the console grow',
    killedBy: 'a console that is flooded',
    mutation: requests(() => ({ consoleMaxBytes: 16_777_216 })),
  },
  {
    mistake: 'does not say which step failed',
    killedBy: 'a VMM that does not exist',
    mutation: (right) => ({
      ...right,
      launch: async (...given) => {
        try {
          return await right.launch(...given);
        } catch (thrown) {
          throw BoxliteError.isInstance(thrown) ? new BoxliteError(thrown.code, 'it failed') : thrown;
        }
      },
    }),
  },
  {
    mistake: 'ends the running machine for a second launch',
    killedBy: 'a second launch of a running box',
    mutation: (right) => ({
      ...right,
      async launch(request, signal) {
        try {
          await (await right.connect(request.controlDir)).kill();
        } catch (thrown) {
          if (!BoxliteError.isInstance(thrown, 'agent_unavailable')) throw thrown;
        }
        return right.launch(request, signal);
      },
    }),
  },
  {
    mistake: 'ignores the signal of a launch',
    killedBy: 'a launch whose signal fires meanwhile',
    mutation: (right) => ({ ...right, launch: (request) => right.launch(request) }),
  },
  {
    mistake: 'kills where it was asked to stop',
    killedBy: 'stop asks the agent',
    mutation: connections((vm) => ({ stop: () => vm.kill() })),
  },
  {
    mistake: 'takes no notice of the grace',
    killedBy: 'stop kills a guest that does not go',
    mutation: connections((vm) => ({ stop: () => vm.stop(0) })),
  },
  {
    mistake: 'waits for a stubborn guest for ever',
    killedBy: 'stop kills a guest that does not go',
    mutation: connections((vm) => ({ stop: () => vm.stop(1_000_000) })),
  },
  {
    mistake: 'asks the guest where it was told to kill',
    killedBy: 'kill of a willing guest',
    mutation: connections((vm) => ({ kill: () => vm.stop(10_000) })),
  },
  {
    mistake: 'throws at a second kill',
    killedBy: 'kill ends a guest that ignores everything',
    mutation: connections((vm) => {
      let killed = false;
      return {
        kill: async () => {
          if (killed) throw new BoxliteError('stopped', 'it was killed');
          killed = true;
          return vm.kill();
        },
      };
    }),
  },
  {
    mistake: 'leaves a process of the machine behind',
    killedBy: 'processes the VMM started in sessions',
    mutation: connections((vm) => ({
      kill: async () => {
        const child = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
        litter.push(() => child.kill('SIGKILL'));
        return vm.kill();
      },
    })),
  },
  {
    mistake: 'leaves the record of a machine that has ended',
    killedBy: 'stop asks the agent',
    mutation: connections((vm, request) => ({
      stop: async (graceMs) => {
        const record = await vm.stop(graceMs);
        if (request !== undefined) writeFileSync(request.pidFile, 'vmm 1 1\n');
        return record;
      },
    })),
  },
  {
    mistake: 'tells a crash as a clean end',
    killedBy: 'an exit status is an Error',
    mutation: connections((vm) => ({ wait: () => vm.wait().then(() => CLEAN) })),
  },
  {
    mistake: 'keeps no stderr',
    killedBy: 'an exit status is an Error',
    mutation: connections((vm) => ({ wait: async () => ({ ...(await vm.wait()), stderrTail: '' }) })),
  },
  {
    mistake: 'writes a record of an end that was asked for',
    killedBy: 'an end that was asked for',
    mutation: connections((vm, request) => ({
      stop: async (graceMs) => {
        const record = await vm.stop(graceMs);
        if (request !== undefined) writeFileSync(request.exitFile, JSON.stringify(record));
        return record;
      },
    })),
  },
  {
    mistake: 'never ends a wait when its supervisor is lost',
    killedBy: 'a supervisor that is killed',
    mutation: connections((vm) => ({
      wait: async () => {
        const record = await vm.wait();
        return record.kind === 'Error' && record.code === -1 ? new Promise<never>(() => undefined) : record;
      },
    })),
  },
  {
    mistake: 'ends a wait at once',
    killedBy: 'wait goes on while the VMM runs',
    mutation: connections(() => ({ wait: async () => CLEAN })),
  },
  {
    mistake: 'stops the machine with its first connection',
    killedBy: 'a closed connection, also closed twice',
    mutation: connections((vm) => ({
      close: async () => {
        await vm.kill();
        await vm.close();
      },
    })),
  },
  {
    mistake: 'lets the error of the socket through',
    killedBy: 'connect to a box that does not run',
    mutation: (right) => ({
      ...right,
      connect: async (...given) => {
        try {
          return await right.connect(...given);
        } catch (thrown) {
          throw (thrown as Error).cause ?? new Error('connect ENOENT');
        }
      },
    }),
  },
];

mutantTests<Mutation>('Supervisor', (mutation) => supervisorConformance(supervisorSetup(mutation)), mutants);
