import { spawn } from 'node:child_process';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningVm } from '@boxlite/core';
import type { Mutant } from '../../../../core/test/mutants/mutant-tests.js';
import { modelMachine } from '../../support/model-vmm.js';
import { commanding, LIFE, litter, type Mutation, sleeper, starting, unkillable } from './mutations.js';

/** Mistakes of checks, commands and starts. */
export const startingMutants: readonly Mutant<Mutation>[] = [
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
    mistake: 'kills the process an old record names before it starts',
    killedBy: 'a machine starts over the record of an earlier one',
    mutation: starting(async (right, spec, host, signal) => {
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
  {
    mistake: 'attaches disks in another order',
    killedBy: 'with its disks the other way round',
    mutation: commanding((args) => {
      const disks = args.flatMap((word, at) => (word === '--disk' ? [args[at + 1] ?? ''] : [])).toReversed();
      return args.map((word, at) => (args[at - 1] === '--disk' ? (disks.shift() ?? word) : word));
    }),
  },
];
