import { BoxliteError, type ExitRecord, escapeText, type SupervisedVm } from '@boxlite/core';
import { QmpClient } from './qmp/qmp-client.js';

/** Building the machine takes 20 to 50 ms; on a host this slow nothing works. */
const MACHINE_TIMEOUT_MS = 30_000;

/**
 * Waits until QEMU has opened its kernel and disks and built the machine, or has ended because it could not. The guest boots meanwhile.
 * @throws BoxliteError `vmm_failed` with what QEMU said, `timeout`, `aborted`
 */
export async function awaitMachine(
  vm: SupervisedVm,
  boxId: string,
  monitorPath: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ended = vm.wait().then((record) => {
    throw startFailed(boxId, record);
  });
  const ready = QmpClient.connect(monitorPath, {
    timeoutMs: MACHINE_TIMEOUT_MS,
    ...(signal === undefined ? {} : { signal }),
  }).then((monitor) => monitor.close());
  // When QEMU ends, the monitor's connection fails too, and often first; the record says why.
  const readyOrCause = ready.catch((thrown: unknown) =>
    BoxliteError.isInstance(thrown, 'vmm_failed') ? ended : Promise.reject(thrown),
  );
  await Promise.race([readyOrCause, ended]);
  // Not awaited from here on; the machine's later end is for whoever calls wait().
  ended.catch((thrown: unknown) => {
    if (!BoxliteError.isInstance(thrown)) throw thrown;
  });
}

function startFailed(boxId: string, record: ExitRecord): BoxliteError {
  const said = 'stderrTail' in record ? escapeText(record.stderrTail.trim()) : '';
  const how = record.kind === 'Clean' ? 'it ended at once' : record.message;
  return new BoxliteError('vmm_failed', `QEMU did not start box ${boxId}: ${said === '' ? how : said}`, {
    hint: 'correct what QEMU names above; its whole output is in shim.stderr of the box',
    details: { boxId, exit: record },
  });
}
