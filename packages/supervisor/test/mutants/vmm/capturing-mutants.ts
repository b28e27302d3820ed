import { chmod, rm, writeFile } from 'node:fs/promises';
import type { RunningVm, VmmHandler } from '@boxlite/core';
import { BoxliteError } from '@boxlite/core';
import type { Mutant } from '../../../../core/test/mutants/mutant-tests.js';
import type { Mutation } from './mutations.js';

type Capture = NonNullable<RunningVm['snapshot']>;

/** Changes every capture of every machine. */
const capturing =
  (change: (right: Capture, vm: RunningVm) => Capture): Mutation =>
  (right) => {
    const changed = (vm: RunningVm): RunningVm => ({
      ...vm,
      ...(vm.snapshot && { snapshot: change(vm.snapshot, vm) }),
      ...(vm.fork && { fork: change(vm.fork, vm) }),
    });
    const { restore } = right;
    return {
      ...right,
      start: async (...given) => changed(await right.start(...given)),
      ...(restore && { restore: async (...given) => changed(await restore(...given)) }),
      attach: (...given) => changed(right.attach(...given)),
    };
  };

const restoring =
  (change: (right: NonNullable<VmmHandler['restore']>) => NonNullable<VmmHandler['restore']>): Mutation =>
  (right) => ({ ...right, ...(right.restore && { restore: change(right.restore) }) });

/** Mistakes of machines that are captured and go on. */
export const capturingMutants: readonly Mutant<Mutation>[] = [
  {
    mistake: 'lets others read what a guest had in memory',
    killedBy: 'snapshot makes two files of their owner alone',
    mutation: capturing((right) => async (target, options) => {
      await right(target, options);
      await chmod(target.memory, 0o644);
    }),
  },
  {
    mistake: 'leaves a file beside the two',
    killedBy: 'fork makes two files of their owner alone',
    mutation: capturing((right) => async (target, options) => {
      await right(target, options);
      await writeFile(`${target.state}.tmp`, '');
    }),
  },
  {
    mistake: 'writes over files that exist',
    killedBy: 'snapshot leaves a file that exists as it is',
    mutation: capturing((right) => async (target, options) => {
      for (const path of Object.values(target)) await rm(path, { force: true });
      await right(target, options);
    }),
  },
  {
    mistake: 'calls back when the guest goes on already',
    killedBy: 'snapshot calls back once, while the guest stands still',
    mutation: capturing((right) => async (target, { whileStill, ...options } = {}) => {
      await right(target, options);
      await whileStill?.();
    }),
  },
  {
    mistake: 'does not call back',
    killedBy: 'fork calls back once, while the guest stands still',
    mutation: capturing(
      (right) =>
        async (target, { whileStill: _ignored, ...options } = {}) =>
          right(target, options),
    ),
  },
  {
    mistake: 'takes no notice of a callback that throws',
    killedBy: 'snapshot throws what the callback throws',
    mutation: capturing(
      (right) =>
        (target, { whileStill, ...options } = {}) =>
          right(target, {
            ...options,
            whileStill: async () => {
              await Promise.allSettled([whileStill?.()]);
            },
          }),
    ),
  },
  {
    mistake: 'leaves the guest standing after a failure',
    killedBy: 'fork throws what the callback throws',
    mutation: capturing((right, vm) => async (target, options) => {
      try {
        await right(target, options);
      } catch (thrown) {
        await vm.pause?.();
        throw thrown;
      }
    }),
  },
  {
    mistake: 'lets a paused machine go on',
    killedBy: 'snapshot leaves a machine paused that was',
    mutation: capturing((right, vm) => async (target, options) => {
      await right(target, options);
      await vm.resume?.();
    }),
  },
  {
    mistake: 'loses one of two captures at once halfway',
    killedBy: 'snapshot of two at once',
    mutation: capturing((right) => {
      let busy = false;
      return async (target, options) => {
        const isSecond = busy;
        busy = true;
        await right(target, options);
        busy = false;
        if (!isSecond) return;
        await rm(target.state);
        throw new BoxliteError('invalid_state', 'another capture is under way');
      };
    }),
  },
  {
    mistake: 'looks at the signal of a capture only at first',
    killedBy: 'fork aborted while the guest stands still',
    mutation: capturing((right) => async (target, { signal, ...options } = {}) => {
      if (signal?.aborted === true) throw new BoxliteError('aborted', 'aborted');
      await right(target, options);
    }),
  },
  {
    mistake: 'boots a machine that was to go on',
    killedBy: 'a restored guest has the memory',
    mutation: (right) => ({ ...right, restore: ({ from: _ignored, ...spec }, ...rest) => right.start(spec, ...rest) }),
  },
  {
    mistake: 'writes what a machine changes back to its snapshot',
    killedBy: 'two machines from one snapshot',
    mutation: restoring((right) => async (spec, ...rest) => {
      const vm = await right(spec, ...rest);
      if (spec.from !== undefined) await writeFile(spec.from.memory, 'changed', { flag: 'r+' });
      return vm;
    }),
  },
  {
    mistake: 'tells a damaged snapshot as a VMM that failed',
    killedBy: 'a state cut in half',
    mutation: restoring((right) => async (...given) => {
      try {
        return await right(...given);
      } catch (thrown) {
        throw Object.assign(thrown as Error, { code: 'vmm_failed' });
      }
    }),
  },
  {
    mistake: 'ignores the signal of a restore',
    killedBy: 'a restore with a signal that has fired',
    mutation: restoring((right) => (spec, host) => right(spec, host)),
  },
  {
    mistake: 'boots where it was asked to go on, without a word',
    killedBy: 'start is for machines that boot',
    mutation: (right) => ({ ...right, start: ({ from: _ignored, ...spec }, ...rest) => right.start(spec, ...rest) }),
  },
  {
    mistake: 'has no keys for what it restores',
    killedBy: 'a handler with restore has snapshotKey',
    mutation: ({ snapshotKey: _none, ...right }) => right,
  },
  {
    mistake: 'has a key for each box',
    killedBy: 'the key is the same for boxes of one shape',
    mutation: (right) => ({ ...right, snapshotKey: async ({ disks }) => disks.map(({ path }) => path).join() }),
  },
  {
    mistake: 'has one key for all shapes',
    killedBy: 'the key tells machines of another shape apart',
    mutation: (right) => ({ ...right, snapshotKey: async () => 'model' }),
  },
  {
    mistake: 'accepts a snapshot it cannot go on from',
    killedBy: 'check takes a spec with a snapshot where',
    mutation: ({ restore: _none, snapshotKey: _neither, ...right }) => right,
  },
  {
    mistake: 'cannot capture a machine it has attached to',
    killedBy: 'a machine another process started can be captured',
    mutation: (right) => ({
      ...right,
      attach: (...given) => {
        const { snapshot: _none, fork: _neither, ...vm } = right.attach(...given);
        return vm;
      },
    }),
  },
];
