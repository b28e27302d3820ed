import { startMachine } from '../../template/start-machine.js';
import { checkMachine } from '../check-machine.js';
import { machineSpec } from '../machine-spec.js';
import type { Stage } from '../pipeline.js';
import { containerUser } from '../spawn-machine.js';
import { required, type StartContext } from '../start-context.js';
import { startNote } from '../start-note.js';
import { volumeWarnings } from '../volume-owner.js';

/** Builds the machine's specification and starts it through jail and supervisor. */
export const vmmSpawn: Stage<StartContext> = {
  name: 'vmm-spawn',
  note: startNote,
  async run(context) {
    const { services, box } = context;
    const machine = await machineSpec(context);
    checkMachine(required(context, 'vmm'), machine);
    for (const message of volumeWarnings(
      required(context, 'volumes'),
      containerUser(context),
      process.geteuid?.() ?? 0,
    )) {
      services.log({ level: 'warn', message, boxId: box.id });
    }
    await startMachine(context, machine);
  },
};
