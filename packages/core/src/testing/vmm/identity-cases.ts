import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { ExitRecord, SupervisedVm } from '../../contracts/supervisor.js';
import type { ProcessIdentity } from '../../ids/process-identity.js';
import { withBystander } from '../bystander.js';
import type { RuledCases } from '../define-cases.js';
import { rejectsWith } from '../rejects-with.js';
import type { VmmBench } from './vmm-bench.js';

const ENDED: ExitRecord = { kind: 'Clean', reason: 'shutdown' };

/** Numbers of processes that are somebody else's by now. */
export const identityCases: RuledCases<VmmBench> = {
  "A handler signals no process itself, it asks the supervisor: a pid that was written down may be another process's by now":
    {
      'an attached machine that has long ended is stopped, killed and closed without a signal to whoever has its number now':
        (bench) =>
          withBystander(async (bystander) => {
            const machine = await bench.createMachine();
            const { pid, startTime } = bystander;
            for (const welcomed of [
              { pid, startTime },
              { pid, startTime: startTime - 1 },
            ]) {
              const vm = bench.setup.createHandler().attach(endedVm(welcomed), machine.host.listenerPath);
              assert.deepEqual([await vm.kill(), await vm.stop(100), await vm.wait()], [ENDED, ENDED, ENDED]);
              await vm.close();
              await bystander.assertUnharmed();
            }
          }),
      'a machine starts over the record of an earlier one, and the process that has its number now is left alone': (
        bench,
      ) =>
        withBystander(async (bystander) => {
          const machine = await bench.createMachine();
          const { supervisor, request } = machine.host;
          const stale = `${bystander.pid} ${bystander.startTime - 1}`;
          await writeFile(request.pidFile, `supervisor ${stale}\nvmm ${stale}\n`, { mode: 0o600 });
          await rejectsWith(supervisor.connect(request.controlDir), 'agent_unavailable');
          const { vm } = await bench.start({ machine });
          assert.notEqual(vm.identity.pid, bystander.pid);
          await vm.kill();
          await bystander.assertUnharmed();
        }),
    },
};

/** A connection to a machine that has ended; only its supervisor knows. */
function endedVm(identity: ProcessIdentity): SupervisedVm {
  const ended = async () => ENDED;
  const close = async () => undefined;
  return {
    welcome: { supervisor: identity, vmm: identity, detached: false },
    channel: { send: close, onFrame: () => undefined, onClose: (listener) => listener(new Error('the box has ended')) },
    wait: ended,
    stop: ended,
    kill: ended,
    close,
    [Symbol.asyncDispose]: close,
  };
}
