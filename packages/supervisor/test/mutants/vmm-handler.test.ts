import { spawn } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExitRecord, RunningVm, SupervisedVm, VmmHandler, VmmHost, VmmSpec } from '@boxlite/core';
import { vmmHandlerConformance } from '@boxlite/core/testing';
import { afterAll, beforeAll } from 'vitest';
import { type Mutant, mutantTests } from '../../../core/test/mutants/mutant-tests.js';
import { modelVmSetup } from '../support/model-vm-setup.js';
import { modelMachine } from '../support/model-vmm.js';
import { buildNative } from '../support/native-build.js';

type Mutation = (right: VmmHandler) => VmmHandler;

const GONE: ExitRecord = { kind: 'Clean', reason: 'shutdown' };
const never = () => new Promise<never>(() => undefined);
/** What mutants leave behind on purpose. */
const litter: (() => void)[] = [];

beforeAll(() => buildNative('all', 'build/fixture-machine'));
afterAll(() => {
  for (const remove of litter) remove();
});

/** Changes every running machine, started or attached. */
function running(change: (vm: RunningVm, supervised?: SupervisedVm) => Partial<RunningVm>): Mutation {
  return (right) => ({
    ...right,
    start: async (...given) => {
      const vm = await right.start(...given);
      return { ...vm, ...change(vm) };
    },
    attach: (supervised, listenerPath) => {
      const vm = right.attach(supervised, listenerPath);
      return { ...vm, ...change(vm, supervised) };
    },
  });
}

/** Changes what a start is given, or does. */
function starting(
  change: (right: VmmHandler, spec: VmmSpec, host: VmmHost, signal?: AbortSignal) => Promise<RunningVm>,
): Mutation {
  return (right) => ({ ...right, start: (spec, host, signal) => change(right, spec, host, signal) });
}

/** Starts over another command. */
const commanding = (change: (args: readonly string[]) => readonly string[]): Mutation =>
  starting((right, spec, host, signal) =>
    right.start(
      spec,
      {
        ...host,
        jail: { ...host.jail, command: (given) => host.jail.command({ ...given, args: change(given.args) }) },
      },
      signal,
    ),
  );

const sleeper = () => {
  const child = spawn('/bin/sleep', ['1000'], { stdio: 'ignore' });
  litter.push(() => child.kill('SIGKILL'));
};

/** As a connection whose kill does nothing: what a start that fails leaves running. */
const unkillable = (vm: SupervisedVm): SupervisedVm => ({
  welcome: vm.welcome,
  channel: vm.channel,
  wait: async () => GONE,
  stop: async () => GONE,
  kill: async () => GONE,
  close: () => vm.close(),
  [Symbol.asyncDispose]: () => vm.close(),
});

const LIFE = 'a whole life leaves no';

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'accepts shares it cannot serve',
    killedBy: 'a share, a network card',
    mutation: (right) => ({ ...right, check: (spec) => right.check({ ...spec, shares: [] }) }),
  },
  {
    mistake: 'accepts a disk format nobody knows',
    killedBy: 'check accepts a bootable machine',
    mutation: (right) => ({
      ...right,
      check: (spec) => right.check({ ...spec, disks: spec.disks.map((disk) => ({ ...disk, format: 'raw' })) }),
    }),
  },
  {
    mistake: 'checks nothing before it has prepared the jail',
    killedBy: 'start with what check refuses',
    mutation: starting(async (right, spec, host, signal) => {
      await host.jail.prepare();
      return right.start(spec, host, signal);
    }),
  },
  {
    mistake: 'attaches read-only disks for writing',
    killedBy: 'what a disk or a share is for',
    mutation: (right) => ({
      ...right,
      command: (spec) => right.command({ ...spec, disks: spec.disks.map((disk) => ({ ...disk, readOnly: false })) }),
    }),
  },
  {
    mistake: 'spawns to find out what it needs',
    killedBy: 'requirements names absolute files',
    mutation: (right) => ({
      ...right,
      requirements: async (spec) => {
        spawn(modelMachine, []).on('error', () => undefined);
        return right.requirements(spec);
      },
    }),
  },
  {
    mistake: 'writes to the spec it was given',
    killedBy: 'start gives the identity',
    mutation: starting((right, spec, host, signal) => {
      (spec.commandLine as string[]).push('console=ttyS0');
      return right.start(spec, host, signal);
    }),
  },
  {
    mistake: 'reads the hello itself and keeps it',
    killedBy: 'start gives the identity',
    mutation: running((vm) => {
      vm.channel.onFrame(() => undefined);
      return {
        channel: {
          ...vm.channel,
          send: (frame) => vm.channel.send(frame),
          onClose: () => undefined,
          onFrame: () => undefined,
        },
      };
    }),
  },
  {
    mistake: 'starts outside the jail',
    killedBy: 'start launches once, what the jail made',
    mutation: starting((right, spec, host, signal) =>
      right.start(
        spec,
        { ...host, jail: { ...host.jail, command: (command) => ({ ...command, pidReport: { kind: 'self' } }) } },
        signal,
      ),
    ),
  },
  {
    mistake: 'detaches every box, whatever the request says',
    killedBy: 'start launches once, what the jail made',
    mutation: starting((right, spec, host, signal) =>
      right.start(spec, { ...host, request: { ...host.request, detached: true } }, signal),
    ),
  },
  {
    mistake: 'does not prepare the jail',
    killedBy: 'start prepares the jail once',
    mutation: starting((right, spec, host, signal) =>
      right.start(spec, { ...host, jail: { ...host.jail, prepare: async () => [] } }, signal),
    ),
  },
  {
    mistake: 'runs a helper of its own beside the VMM',
    killedBy: 'every process a start makes',
    mutation: starting((right, spec, host, signal) => {
      sleeper();
      return right.start(spec, host, signal);
    }),
  },
  {
    mistake: 'sniffs the format of disks',
    killedBy: 'a raw disk that begins like a qcow2',
    mutation: commanding((args) => ['--sniff', ...args]),
  },
  {
    mistake: 'kills where it was asked to stop',
    killedBy: 'stop is graceful',
    mutation: running((vm) => ({ stop: () => vm.kill() })),
  },
  {
    mistake: 'waits for the agent before it stops a machine',
    killedBy: 'a machine whose kernel boots but whose agent never',
    mutation: running((vm) => ({
      stop: async (graceMs) => {
        await new Promise<void>((resolve) => vm.channel.onFrame(() => resolve()));
        return vm.stop(graceMs);
      },
    })),
  },
  {
    mistake: 'reports a crash as a clean end',
    killedBy: 'a machine whose init is no agent',
    mutation: running((vm) => ({ wait: async () => vm.wait().then(() => GONE) })),
  },
  {
    mistake: 'leaves the process when it is told to kill',
    killedBy: 'kill is immediate',
    mutation: running(() => ({ kill: async () => GONE })),
  },
  {
    mistake: 'cannot be stopped twice',
    killedBy: 'stop twice, at once',
    mutation: running((vm) => {
      let stopped = false;
      return {
        stop: async (graceMs) => {
          if (stopped) throw new Error('already stopped');
          stopped = true;
          return vm.stop(graceMs);
        },
      };
    }),
  },
  {
    mistake: 'makes up the record of a second kill',
    killedBy: 'kill twice, and stop after it',
    mutation: running((vm) => {
      let killed = false;
      return {
        kill: async () => {
          if (killed) return { kind: 'Signal', signal: 9, message: 'killed', stderrTail: '' };
          killed = true;
          return vm.kill();
        },
      };
    }),
  },
  {
    mistake: 'never ends a wait after a kill',
    killedBy: 'wait, called at once and by several',
    mutation: running((vm) => {
      let killed = false;
      return {
        kill: async () => {
          killed = true;
          return vm.kill();
        },
        wait: async () => {
          const record = await vm.wait();
          return killed ? never() : record;
        },
      };
    }),
  },
  {
    mistake: 'ends a wait while the machine runs',
    killedBy: 'wait, called at once and by several',
    mutation: running(() => ({ wait: async () => GONE })),
  },
  {
    mistake: 'forgets the signal a VMM died of',
    killedBy: 'the death of the VMM by somebody else',
    mutation: running((vm) => ({
      wait: async () => {
        const record = await vm.wait();
        return record.kind === 'Signal' ? { kind: 'Error', code: 1, message: 'it ended', stderrTail: '' } : record;
      },
    })),
  },
  {
    mistake: 'stops the machine when a connection is closed',
    killedBy: 'attach over a second connection',
    mutation: running((vm) => ({
      close: async () => {
        await vm.kill();
        await vm.close();
      },
    })),
  },
  {
    mistake: 'tells the supervisor for the machine when it attaches',
    killedBy: 'attach over a second connection',
    mutation: running((_vm, supervised) =>
      supervised === undefined ? {} : { identity: supervised.welcome.supervisor },
    ),
  },
  {
    mistake: 'never ends the wait of a machine it attached to',
    killedBy: 'who is connected when the VMM dies',
    mutation: running((vm, supervised) => ({ wait: () => (supervised === undefined ? vm.wait() : never()) })),
  },
  {
    mistake: 'has a pause that pauses nothing',
    killedBy: 'pause, where there is one',
    mutation: running(() => ({ pause: async () => undefined })),
  },
  {
    mistake: 'looks for its files only when the VMM runs',
    killedBy: 'start with a kernel or a disk that is missing',
    mutation: starting(async (right, spec, host, signal) => {
      try {
        return await right.start(spec, host, signal);
      } catch (thrown) {
        throw Object.assign(thrown as Error, { code: 'vmm_failed' });
      }
    }),
  },
  {
    mistake: 'leaves its VMM running when a start fails',
    killedBy: 'a start aborted when its VMM runs',
    mutation: starting((right, spec, host, signal) =>
      right.start(
        spec,
        {
          ...host,
          supervisor: {
            ...host.supervisor,
            launch: async (...given) => unkillable(await host.supervisor.launch(...given)),
          },
        },
        signal,
      ),
    ),
  },
  {
    mistake: 'keeps the jail when a start fails',
    killedBy: 'start with a disk that is not of its format',
    mutation: starting((right, spec, host, signal) =>
      right.start(spec, { ...host, jail: { ...host.jail, release: async () => undefined } }, signal),
    ),
  },
  {
    mistake: 'does not say why the VMM failed',
    killedBy: 'start with a disk that is not of its format',
    mutation: starting(async (right, spec, host, signal) => {
      try {
        return await right.start(spec, host, signal);
      } catch (thrown) {
        throw Object.assign(thrown as Error, { message: 'the machine did not come up in time' });
      }
    }),
  },
  {
    mistake: 'ignores the signal of a start',
    killedBy: 'a start aborted while the jail is prepared',
    mutation: starting((right, spec, host) => right.start(spec, host)),
  },
  {
    mistake: 'looks at the signal only at first',
    killedBy: 'a start aborted while the supervisor launches',
    mutation: starting((right, spec, host, signal) =>
      signal?.aborted === true ? right.start(spec, host, signal) : right.start(spec, host),
    ),
  },
  {
    mistake: 'signals by the bare pid of a record',
    killedBy: 'an attached machine that has long ended',
    mutation: running((vm) => ({
      kill: async () => {
        process.kill(vm.identity.pid, 'SIGKILL');
        return vm.wait();
      },
    })),
  },
  {
    mistake: 'kills the process an old record names before it starts',
    killedBy: 'a machine starts over the record of an earlier one',
    mutation: starting(async (right, spec, host, signal) => {
      const { readFileSync } = await import('node:fs');
      const [, pid] = /^vmm (\d+) /m.exec(readFileSync(host.request.pidFile, 'utf8')) ?? [];
      if (pid !== undefined) process.kill(Number(pid), 'SIGKILL');
      return right.start(spec, host, signal);
    }),
  },
  {
    mistake: 'leaks a descriptor for each machine',
    killedBy: LIFE,
    mutation: starting((right, spec, host, signal) => {
      openSync(spec.kernel, 'r');
      return right.start(spec, host, signal);
    }),
  },
  {
    mistake: 'leaves a socket in the control directory',
    killedBy: LIFE,
    mutation: starting(async (right, spec, host, signal) => {
      const server = createServer().listen(join(host.request.controlDir, 'stray.sock')).unref();
      litter.push(() => server.close());
      return right.start(spec, host, signal);
    }),
  },
  {
    mistake: 'leaves a process that outlives the machine',
    killedBy: LIFE,
    mutation: running((vm) => ({
      stop: async (graceMs) => {
        sleeper();
        return vm.stop(graceMs);
      },
    })),
  },
  {
    mistake: 'leaves temporary files',
    killedBy: LIFE,
    mutation: starting((right, spec, host, signal) => {
      writeFileSync(join(tmpdir(), 'model-config.json'), JSON.stringify(spec));
      return right.start(spec, host, signal);
    }),
  },
  {
    mistake: 'keeps the machine in the handler, so that the last one started is all of them',
    killedBy: 'one handler starts ten machines',
    mutation: (right) => {
      let current: RunningVm | undefined;
      return {
        ...right,
        start: async (...given) => {
          current = await right.start(...given);
          const started = current;
          return { ...started, kill: () => (current ?? started).kill(), identity: started.identity };
        },
      };
    },
  },
  {
    mistake: 'starts one machine at a time and loses the others',
    killedBy: 'one handler starts ten machines',
    mutation: (right) => {
      let first: Promise<RunningVm> | undefined;
      return { ...right, start: (...given) => (first ??= right.start(...given)) };
    },
  },
];

mutantTests<Mutation>('VmmHandler', (mutation) => vmmHandlerConformance(modelVmSetup(mutation)), mutants);
