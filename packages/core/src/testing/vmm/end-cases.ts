import assert from 'node:assert/strict';
import type { ExitRecord } from '../../contracts/supervisor.js';
import type { RuledCases } from '../define-cases.js';
import { isRunning } from '../processes.js';
import { SLOWNESS } from '../slowness.js';
import { firstHello } from './first-hello.js';
import { neverSaysHello, withoutInit } from './guest-changes.js';
import { assertNothingLeft } from './leftovers.js';
import type { VmmBench } from './vmm-bench.js';

/** What a guest has to stop in, in milliseconds. */
export const GRACE_MS = 10_000 * SLOWNESS;
/** An immediate end asks nobody; beyond this it did, or waited for something, in milliseconds. */
const IMMEDIATE_MS = 5_000 * SLOWNESS;

/** How a machine ends. */
export const endCases: RuledCases<VmmBench> = {
  '`stop(graceMs)` is graceful first (the agent, then what the VMM itself offers, then signals) and never leaves the process behind':
    {
      'stop is graceful: the guest goes by itself, and no process is left': async (bench) => {
        const start = await bench.start();
        const { vm, watched } = start;
        await firstHello(vm);
        const record = await vm.stop(GRACE_MS);
        assert.deepEqual(watched.orders, [`stop ${GRACE_MS}`], 'what the supervisor was asked for');
        assert.equal(record.kind, 'Clean', JSON.stringify(record));
        assert.ok(!isRunning(vm.identity), 'the process is gone');
        assert.deepEqual(record, { kind: 'Clean', reason: 'shutdown' }, 'the agent was asked');
        await assertNothingLeft({ ...start, watched: { ...start.watched, isPrepared: false } });
      },
      'a machine whose kernel boots but whose agent never says hello can be connected to, and stopped': async (
        bench,
      ) => {
        const start = await bench.start({ change: ({ spec }) => neverSaysHello(spec) });
        const { vm, machine, watched } = start;
        const { supervisor, request } = machine.host;
        const other = await supervisor.connect(request.controlDir);
        const record = await vm.stop(GRACE_MS);
        assert.ok(!isRunning(vm.identity), 'the process is gone');
        assert.deepEqual(await other.wait(), record);
        await other.close();
        await assertNothingLeft({ ...start, watched: { ...watched, isPrepared: false } });
      },
      'a machine whose init is no agent ends by itself; wait tells a crash, and stop and kill resolve with it': async (
        bench,
      ) => {
        const start = await bench.start({ change: ({ spec }) => withoutInit(spec) });
        const { vm, watched } = start;
        const record = await vm.wait();
        assert.notEqual(record.kind, 'Clean', JSON.stringify(record));
        assert.deepEqual([await vm.stop(GRACE_MS), await vm.kill()], [record, record]);
        await assertNothingLeft({ ...start, watched: { ...watched, isPrepared: false } });
      },
    },
  '`kill()` is immediate': {
    'kill is immediate, also before the guest is up': async (bench) => {
      const { vm } = await bench.start();
      const begin = performance.now();
      await vm.kill();
      assert.ok(!isRunning(vm.identity), 'the process is gone');
      assert.ok(performance.now() - begin < IMMEDIATE_MS, `it took ${performance.now() - begin} ms`);
    },
  },
  'Both are idempotent and resolve with how the VMM ended': {
    'stop twice, at once and after the end, and kill after it, all give the same record': async (bench) => {
      const { vm } = await bench.start();
      await firstHello(vm);
      const [record, ...others] = await Promise.all([vm.stop(GRACE_MS), vm.stop(GRACE_MS), vm.stop(1)]);
      const later = [await vm.stop(GRACE_MS), await vm.kill(), await vm.wait()];
      assert.deepEqual([...others, ...later], Array(5).fill(record));
    },
    'kill twice, and stop after it, give the same record': async (bench) => {
      const { vm } = await bench.start();
      const [record, other] = await Promise.all([vm.kill(), vm.kill()]);
      const later = [await vm.kill(), await vm.stop(GRACE_MS), await vm.wait()];
      assert.deepEqual([other, ...later], Array(4).fill(record));
    },
  },
  '`wait()` only waits': {
    'wait, called at once and by several, waits until the machine has ended, and tells all the same': async (bench) => {
      const { vm } = await bench.start();
      let told: ExitRecord | undefined;
      const waiting = Array.from({ length: 3 }, () => vm.wait());
      for (const wait of waiting)
        void wait.then(
          (record) => (told = record),
          () => undefined,
        );
      await firstHello(vm);
      assert.equal(told, undefined, 'wait resolved while the machine ran');
      assert.ok(isRunning(vm.identity), 'waiting ended the machine');
      const record = await vm.kill();
      assert.deepEqual(await Promise.all(waiting), [record, record, record]);
      assert.deepEqual(await vm.wait(), record);
    },
  },
  '`Clean` is never written as a crash record': {
    'a clean end leaves no exit record': async (bench) => {
      const { vm, machine } = await bench.start();
      assert.equal((await vm.kill()).kind, 'Clean');
      assert.equal(await machine.readExitRecord(), undefined);
    },
  },
  "How a VMM ended, as written to the box's `exit` file and told to every connected host process": {
    'the death of the VMM by somebody else is told by wait and kept as an exit record with the signal': async (
      bench,
    ) => {
      const { vm, machine } = await bench.start();
      process.kill(vm.identity.pid, 'SIGKILL');
      const record = await vm.wait();
      assert.equal(record.kind, 'Signal', JSON.stringify(record));
      assert.ok(record.kind === 'Signal' && record.signal === 9, JSON.stringify(record));
      assert.deepEqual(await machine.readExitRecord(), record);
      assert.deepEqual(await vm.stop(GRACE_MS), record, 'stop after a crash tells the crash');
    },
  },
};
