import { BoxliteError, type ExitRecord, type RunningVm, type SupervisedVm } from '@boxlite/core';
import { QmpClient } from './qmp/qmp-client.js';

/**
 * The share of the grace period the agent has to itself. After it QEMU is told to quit, which still flushes its disks; at the end of
 * the period the supervisor kills.
 */
const AGENT_SHARE_OF_GRACE = 0.8;

/**
 * A machine in QEMU, started here or by another process.
 * @param vm the connection to its supervisor
 * @param monitorPath where QEMU's monitor listens, outside the jail
 */
export function qemuRunningVm(vm: SupervisedVm, monitorPath: string): RunningVm {
  const withMonitor = async <Result>(use: (monitor: QmpClient) => Promise<Result>): Promise<Result> => {
    await using monitor = await QmpClient.connect(monitorPath);
    return await use(monitor);
  };
  return {
    identity: vm.welcome.vmm,
    channel: vm.channel,
    wait: () => vm.wait(),
    kill: () => vm.kill(),
    stop: (graceMs) => stopGracefully(vm, withMonitor, graceMs),
    pause: () => withMonitor((monitor) => setRunning(monitor, false)),
    resume: () => withMonitor((monitor) => setRunning(monitor, true)),
    close: () => vm.close(),
    [Symbol.asyncDispose]: () => vm.close(),
  };
}

async function stopGracefully(
  vm: SupervisedVm,
  withMonitor: <Result>(use: (monitor: QmpClient) => Promise<Result>) => Promise<Result>,
  graceMs: number,
): Promise<ExitRecord> {
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
