import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExitRecord } from '../../contracts/supervisor.js';
import type { RuledCases } from '../define-cases.js';
import { eventuallyNone } from '../eventually.js';
import { isRunning } from '../processes.js';
import { rejectsWith } from '../rejects-with.js';
import { assertNothingLeft } from './launch-cases.js';
import { hello, type SupervisorBench } from './supervisor-bench.js';

const GRACE_MS = 10_000;
const SHORT_GRACE_MS = 400;

/** How machines end, and who is told. */
export const endingCases: RuledCases<SupervisorBench> = {
  '`stop(graceMs)` asks the agent to shut down, kills after the grace, and resolves with the record': {
    'stop asks the agent, which ends the machine by itself': async (bench) => {
      const vm = await bench.launch(bench.box.agentCommand('willing'));
      await hello(vm);
      assert.deepEqual(await vm.stop(GRACE_MS), { kind: 'Clean', reason: 'shutdown' });
      assert.match(await bench.read(bench.box.request.consoleFile), /bye/, 'the agent was told to shut down');
      await assertNothingLeft(bench);
    },
    'stop kills a guest that does not go, after the grace and not before': async (bench) => {
      const vm = await bench.launch(bench.box.agentCommand('stubborn'));
      await hello(vm);
      const begin = performance.now();
      await vm.stop(SHORT_GRACE_MS);
      const took = performance.now() - begin;
      assert.ok(took > SHORT_GRACE_MS * 0.9, `killed after ${took} ms of ${SHORT_GRACE_MS}`);
      assert.ok(!isRunning(vm.welcome.vmm), 'the VMM runs on');
    },
  },
  '`kill()` does not ask': {
    'kill ends a guest that ignores everything': async (bench) => {
      const vm = await bench.launch(bench.box.agentCommand('stubborn'));
      await hello(vm);
      const [record, other] = await Promise.all([vm.kill(), vm.kill()]);
      assert.ok(!isRunning(vm.welcome.vmm), 'the VMM runs on');
      assert.deepEqual([other, await vm.kill(), await vm.stop(GRACE_MS)], [record, record, record]);
      await assertNothingLeft(bench);
    },
    'kill of a willing guest does not wait for it': async (bench) => {
      const vm = await bench.launch(bench.box.agentCommand('willing'));
      await hello(vm);
      await vm.kill();
      assert.doesNotMatch(await bench.read(bench.box.request.consoleFile), /bye/, 'the agent was asked');
    },
  },
  'When the VMM is gone, so are everything it started, the sockets and `shim.pid`': {
    'processes the VMM started in sessions of their own end with it': async (bench) => {
      const vm = await bench.launch(bench.script('setsid sleep 1000 & echo; exec sleep 1000'));
      await vm.kill();
      await assertNothingLeft(bench);
    },
  },
  '`exit`, written only on a crash': {
    'an exit status is an Error with the end of stderr, told and written': async (bench) => {
      const vm = await bench.launch(bench.script('echo "no such disk" >&2; exit 3'));
      const record = await vm.wait();
      assert.ok(record.kind === 'Error' && record.code === 3, JSON.stringify(record));
      assert.match(record.stderrTail, /no such disk/);
      assert.deepEqual(await recordOf(bench), record);
      assert.match(await bench.read(bench.box.request.stderrFile), /no such disk/);
    },
    'a signal is a Signal with its number, told and written': async (bench) => {
      const record = await (await bench.launch(bench.script('kill -9 $$'))).wait();
      assert.ok(record.kind === 'Signal' && record.signal === 9, JSON.stringify(record));
      assert.deepEqual(await recordOf(bench), record);
    },
    'a kernel panic on the console is a Panic, whatever the status': async (bench) => {
      const record = await (await bench.launch(bench.script('echo "Kernel panic - not syncing: no init"'))).wait();
      assert.equal(record.kind, 'Panic', JSON.stringify(record));
      assert.deepEqual(await recordOf(bench), record);
    },
    'an end that was asked for writes nothing': async (bench) => {
      const vm = await bench.launch(bench.script('exec sleep 1000'));
      assert.equal((await vm.stop(GRACE_MS)).kind, 'Clean');
      assert.equal(await recordOf(bench), undefined);
    },
  },
  '`wait()` resolves when the VMM is gone, however it ended: a lost supervisor is the record `Error` with a message that says so':
    {
      'wait goes on while the VMM runs, and tells every connection the same': async (bench) => {
        const vm = await bench.launch(bench.script('exec sleep 1000'));
        const others = [await bench.connect(), await bench.connect()];
        let told: ExitRecord | undefined;
        const waits = [vm, vm, ...others].map((connection) =>
          connection.wait().then((record) => {
            told = record;
            return record;
          }),
        );
        await bench.connect();
        assert.equal(told, undefined, 'wait resolved while the VMM ran');
        const record = await vm.kill();
        assert.deepEqual(await Promise.all(waits), [record, record, record, record]);
      },
      'a supervisor that is killed takes the VMM with it, and wait says that it was lost': async (bench) => {
        const vm = await bench.launch(bench.script('exec sleep 1000'));
        process.kill(vm.welcome.supervisor.pid, 'SIGKILL');
        const record = await vm.wait();
        assert.equal(record.kind, 'Error', JSON.stringify(record));
        assert.match(record.kind === 'Error' ? record.message : '', /supervisor/);
        // The operating system tells the VMM and this process at the same time.
        await eventuallyNone(() => [vm.welcome.vmm].filter(isRunning), 'the VMM runs on');
      },
    },
  '`close()` only ends this connection': {
    'a closed connection, also closed twice, leaves the machine to the others': async (bench) => {
      const vm = await bench.launch(bench.script('exec sleep 1000'));
      const other = await bench.connect();
      await vm.close();
      await vm.close();
      await vm[Symbol.asyncDispose]();
      assert.ok(isRunning(vm.welcome.vmm), 'the machine ended');
      assert.deepEqual((await bench.connect()).welcome, other.welcome);
      assert.equal((await other.kill()).kind, 'Clean');
    },
  },
  '`agent_unavailable` when none serves `controlDir`': {
    'connect to a box that does not run, is gone, or has a file in the place of the socket is agent_unavailable':
      async (bench) => {
        const { controlDir } = bench.box.request;
        await rejectsWith(bench.supervisor.connect(controlDir), 'agent_unavailable');
        await rejectsWith(bench.supervisor.connect(join(controlDir, 'none')), 'agent_unavailable');
        await (await bench.launch(bench.script('true'))).wait();
        await rejectsWith(bench.supervisor.connect(controlDir), 'agent_unavailable');
        await writeFile(join(controlDir, 'api.sock'), '');
        await rejectsWith(bench.supervisor.connect(controlDir), 'agent_unavailable');
      },
  },
};

async function recordOf({ box, read }: SupervisorBench): Promise<unknown> {
  const text = await read(box.request.exitFile);
  return text === '' ? undefined : JSON.parse(text);
}
