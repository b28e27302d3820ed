import type { Mutant } from '../../../../core/test/mutants/mutant-tests.js';
import { GONE, LIFE, type Mutation, never, running, sleeper } from './mutations.js';

/** Mistakes of machines that run. */
export const runningMutants: readonly Mutant<Mutation>[] = [
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
    mistake: 'leaves a process that outlives the machine',
    killedBy: LIFE,
    mutation: running((vm) => ({
      stop: async (graceMs) => {
        sleeper();
        return vm.stop(graceMs);
      },
    })),
  },
];
