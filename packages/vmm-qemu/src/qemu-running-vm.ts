import {
  type AttachedMachine,
  BoxliteError,
  type CaptureOptions,
  type ExitRecord,
  type RunningVm,
  type SupervisedVm,
  type VmmSnapshot,
} from '@boxlite/core';
import { QmpClient } from './qmp/qmp-client.js';
import { captureMachine } from './snapshot/capture-machine.js';

/**
 * The share of the grace period the agent has to itself. After it QEMU is told to quit, which still flushes its disks; at the end of
 * the period the supervisor kills.
 */
const AGENT_SHARE_OF_GRACE = 0.8;

/**
 * A machine in QEMU, started here or by another process.
 * @param vm the connection to its supervisor
 * @param monitorPath where QEMU's monitor listens, outside the jail
 * @param machine what it is captured with
 */
export function qemuRunningVm(vm: SupervisedVm, monitorPath: string, machine?: AttachedMachine): RunningVm {
  const withMonitor = inTurn(async <Result>(use: (monitor: QmpClient) => Promise<Result>): Promise<Result> => {
    await using monitor = await QmpClient.connect(monitorPath);
    return await use(monitor);
  });
  const capture = (isDurable: boolean) => async (target: VmmSnapshot, options?: CaptureOptions) => {
    if (machine === undefined) throw unknownMachine();
    await withMonitor((monitor) => captureMachine(monitor, { ...options, machine, target, isDurable }));
  };
  return {
    identity: vm.welcome.vmm,
    channel: vm.channel,
    wait: () => vm.wait(),
    kill: () => vm.kill(),
    stop: (graceMs) => stopGracefully(vm, withMonitor, graceMs),
    pause: () => withMonitor((monitor) => setRunning(monitor, false)),
    resume: () => withMonitor((monitor) => setRunning(monitor, true)),
    snapshot: capture(true),
    fork: capture(false),
    close: () => vm.close(),
    [Symbol.asyncDispose]: () => vm.close(),
  };
}

type WithMonitor = <Result>(use: (monitor: QmpClient) => Promise<Result>) => Promise<Result>;

/** QEMU serves one connection at a time: who comes while a capture is under way waits here, where no time limit runs. */
function inTurn(withMonitor: WithMonitor): WithMonitor {
  let last: Promise<unknown> = Promise.resolve();
  return (use) => {
    const mine = last.then(() => withMonitor(use));
    last = Promise.allSettled([mine]);
    return mine;
  };
}

function unknownMachine(): BoxliteError {
  return new BoxliteError('unsupported', 'this machine was attached to without what it takes to capture it', {
    hint: 'give the machine of its spec to attach',
    details: { field: 'machine' },
  });
}

async function stopGracefully(vm: SupervisedVm, withMonitor: WithMonitor, graceMs: number): Promise<ExitRecord> {
  // Each step below is only an attempt at a gentler end than the supervisor's, which comes in any case.
  const attempt = (use: (monitor: QmpClient) => Promise<void>) => {
    withMonitor(use).catch((thrown: unknown) => {
      // The monitor goes away with QEMU, so failing here mostly means that the machine has stopped, as it should.
      if (!BoxliteError.isInstance(thrown)) throw thrown;
    });
  };
  // The agent of a paused machine could not hear the request.
  attempt((monitor) => setRunning(monitor, true));
  const quitTimer = setTimeout(
    () => attempt(async (monitor) => void (await monitor.execute('quit'))),
    graceMs * AGENT_SHARE_OF_GRACE,
  );
  try {
    return await vm.stop(graceMs);
  } finally {
    clearTimeout(quitTimer);
  }
}

async function setRunning(monitor: QmpClient, isRunning: boolean): Promise<void> {
  await monitor.execute(isRunning ? 'cont' : 'stop');
}
