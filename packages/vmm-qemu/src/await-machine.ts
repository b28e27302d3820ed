import { BoxliteError, type ExitRecord, escapeText, type SupervisedVm } from '@boxlite/core';
import { QmpClient } from './qmp/qmp-client.js';

/** From the end of QEMU's monitor to the end of QEMU. */
const EXIT_TIMEOUT_MS = 2_000;

/**
 * Waits until QEMU has opened its kernel and disks and built the machine, or has ended because it could not. The guest boots meanwhile.
 * @param timeoutMs after which QEMU counts as hung
 * @param use what else there is to do with its monitor before the machine is ready
 * @throws BoxliteError `vmm_failed` with what QEMU said, `timeout`, `aborted`
 */
export async function awaitMachine(
  vm: SupervisedVm,
  boxId: string,
  monitorPath: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  use: (monitor: QmpClient) => Promise<void> = async () => undefined,
): Promise<void> {
  try {
    const limits = { timeoutMs, ...(signal === undefined ? {} : { signal }) };
    await using monitor = await QmpClient.connect(monitorPath, limits);
    await use(monitor);
  } catch (thrown) {
    // When QEMU ends, its monitor does first; how it ended says why.
    const record = BoxliteError.isInstance(thrown, 'vmm_failed') ? await exitWithin(vm, EXIT_TIMEOUT_MS) : undefined;
    throw record === undefined ? thrown : startFailed(boxId, record, thrown);
  }
}

async function exitWithin(vm: SupervisedVm, milliseconds: number): Promise<ExitRecord | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([vm.wait(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function startFailed(boxId: string, record: ExitRecord, cause: unknown): BoxliteError {
  const said = 'stderrTail' in record ? escapeText(record.stderrTail.trim()) : '';
  const how = record.kind === 'Clean' ? 'it ended at once' : record.message;
  return new BoxliteError('vmm_failed', `QEMU did not start box ${boxId}: ${said === '' ? how : said}`, {
    hint: 'correct what QEMU names above; its whole output is in shim.stderr of the box',
    cause,
    details: { boxId, exit: record },
  });
}
