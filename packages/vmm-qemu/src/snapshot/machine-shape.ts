import { BoxliteError } from '@boxlite/core';
import type { QmpClient } from '../qmp/qmp-client.js';
import { recordOf } from '../qmp/qmp-messages.js';
import type { DiskShape, MachineShape } from './state-trailer.js';

/** Asks a QEMU what its machine is like. @throws BoxliteError `vmm_failed` for answers that are none */
export async function machineShape(monitor: QmpClient, memoryMib: number): Promise<MachineShape> {
  const [kvm, cpus, disks] = await Promise.all([
    monitor.execute('query-kvm'),
    monitor.execute('query-cpus-fast'),
    disksOf(monitor),
  ]);
  if (!Array.isArray(cpus)) throw nonsense('query-cpus-fast');
  const accelerator = recordOf(kvm).enabled === true ? 'kvm' : 'tcg';
  return { qemu: monitor.version, accelerator, vcpus: cpus.length, memoryMib, disks };
}

/** The disks in their order, as the guest sees them. */
export async function disksOf(monitor: QmpClient): Promise<readonly DiskShape[]> {
  const blocks = await monitor.execute('query-block');
  if (!Array.isArray(blocks)) throw nonsense('query-block');
  return blocks.map((block): DiskShape => {
    const { ro, image } = recordOf(recordOf(block).inserted);
    const bytes = recordOf(image)['virtual-size'];
    if (typeof ro !== 'boolean' || typeof bytes !== 'number' || !Number.isSafeInteger(bytes))
      throw nonsense('query-block');
    return { readOnly: ro, bytes };
  });
}

function nonsense(command: string): BoxliteError {
  return new BoxliteError('vmm_failed', `QEMU's monitor answered ${command} with nonsense`, {
    hint: 'stop the box and start it again',
  });
}
