import { checkMachine } from '../../init/check-machine.js';
import { machineSpec } from '../../init/machine-spec.js';
import type { Stage } from '../../init/pipeline.js';
import { spawnMachine } from '../../init/spawn-machine.js';
import { required, type StartContext } from '../../init/start-context.js';

/** Starts a machine that goes on where the captured one stood. It never boots instead: what was in memory is what was asked for. */
export const vmmResume: Stage<StartContext> = {
  name: 'vmm-spawn',
  async run(context) {
    const { files, origin } = required(context, 'resume');
    const machine = { ...(await machineSpec(context)), from: files };
    context.startedFrom = origin;
    checkMachine(required(context, 'vmm'), machine);
    await spawnMachine(context, machine);
  },
};
