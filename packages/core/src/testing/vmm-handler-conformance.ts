import assert from 'node:assert/strict';
import type { RunningVm, VmmHandler, VmmHost } from '../contracts/vmm-handler.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import { errnoOf } from '../errors/to-boxlite-error.js';
import type { ConformanceCase } from './conformance-case.js';
import { checkCases } from './vmm-handler-check-cases.js';
import { failedStartCases } from './vmm-handler-failed-start-cases.js';
import { firstHello, type VmmHandlerSetup, type VmmTestMachine } from './vmm-test-machine.js';

/** How long a stop may take before the suite calls it hung, in milliseconds. */
const GRACE_MS = 10_000;

/**
 * What every {@link VmmHandler} must do. Boots real machines, one a case.
 *
 * @example
 * ```ts
 * for (const { name, run } of vmmHandlerConformance(setup)) it(name, run);
 * ```
 */
export function vmmHandlerConformance(setup: VmmHandlerSetup): ConformanceCase[] {
  const withVm = async (use: (vm: RunningVm, machine: VmmTestMachine, handler: VmmHandler) => Promise<void>) => {
    await using machine = await setup.createMachine();
    const handler = setup.createHandler();
    const vm = await handler.start(machine.spec, machine.host);
    try {
      await use(vm, machine, handler);
    } finally {
      await vm.kill();
      await vm.close();
      await machine.host.jail.release();
    }
  };
  return [
    ...checkCases(setup),
    {
      name: 'start gives the identity of a living process, and the hello of the agent arrives on the channel',
      run: () =>
        withVm(async (vm) => {
          assert.ok(isAlive(vm.identity.pid), 'the process runs');
          assert.ok(vm.identity.startTime > 0, 'the start time is known');
          await firstHello(vm);
        }),
    },
    {
      name: 'stop is graceful, leaves no process and no exit record, and is idempotent',
      run: () =>
        withVm(async (vm, machine) => {
          await firstHello(vm);
          const waiting = vm.wait();
          const record = await vm.stop(GRACE_MS);
          assert.equal(record.kind, 'Clean', JSON.stringify(record));
          assert.ok(!isAlive(vm.identity.pid), 'the process is gone');
          assert.deepEqual(await waiting, record);
          assert.deepEqual(await vm.stop(GRACE_MS), record);
          assert.deepEqual(await vm.wait(), record);
          assert.equal(await machine.readExitRecord(), undefined);
        }),
    },
    {
      name: 'kill is immediate, also before the guest is up, and is idempotent',
      run: () =>
        withVm(async (vm) => {
          const record = await vm.kill();
          assert.ok(!isAlive(vm.identity.pid), 'the process is gone');
          assert.deepEqual(await vm.kill(), record);
          assert.deepEqual(await vm.stop(GRACE_MS), record);
          assert.deepEqual(await vm.wait(), record);
        }),
    },
    {
      name: 'attach over a second connection sees the same machine; closing it leaves the machine running',
      run: () =>
        withVm(async (vm, { host }, handler) => {
          const attach = async () => {
            const connection = await host.supervisor.connect(host.request.controlDir);
            return handler.attach(connection, (name) => host.listenerPath(name));
          };
          const other = await attach();
          assert.deepEqual(other.identity, vm.identity);
          await firstHello(other);
          await other.close();
          assert.ok(isAlive(vm.identity.pid), 'the machine runs on');
          const third = await attach();
          const record = await third.stop(GRACE_MS);
          assert.equal(record.kind, 'Clean', JSON.stringify(record));
          assert.deepEqual(await vm.wait(), record);
          await third.close();
        }),
    },
    {
      name: 'the death of the VMM by somebody else is told by wait and kept as an exit record with the signal',
      run: () =>
        withVm(async (vm, machine) => {
          await firstHello(vm);
          process.kill(vm.identity.pid, 'SIGKILL');
          const record = await vm.wait();
          assert.equal(record.kind, 'Signal');
          assert.ok(record.kind === 'Signal' && record.signal === 9);
          assert.deepEqual(await machine.readExitRecord(), record);
        }),
    },
    {
      name: 'pause, where there is one, makes the guest stand still until resume, and a paused machine stops gracefully',
      run: () =>
        withVm(async (vm, { host }) => {
          if (vm.pause === undefined || vm.resume === undefined) return;
          await firstHello(vm);
          await vm.pause();
          await vm.pause();
          await assertStandsStill(setup, host);
          await vm.resume();
          await setup.ping?.(await host.supervisor.connect(host.request.controlDir));
          await vm.pause();
          assert.equal((await vm.stop(GRACE_MS)).kind, 'Clean');
        }),
    },
    ...failedStartCases(setup),
  ];
}

/** A guest that runs answers in milliseconds; nothing but waiting shows that one does not. */
const STANDSTILL_MS = 300;

async function assertStandsStill(setup: VmmHandlerSetup, host: VmmHost): Promise<void> {
  if (setup.ping === undefined) return;
  const connection = await host.supervisor.connect(host.request.controlDir);
  let answered = false;
  const ping = setup.ping(connection).then(
    () => {
      answered = true;
    },
    (thrown: unknown) => {
      // The connection is closed below before the answer can come.
      if (!BoxliteError.isInstance(thrown)) throw thrown;
    },
  );
  await new Promise((resolve) => setTimeout(resolve, STANDSTILL_MS));
  assert.ok(!answered, 'a paused guest does not answer');
  await connection.close();
  await ping;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ESRCH') return false;
    throw thrown;
  }
}
