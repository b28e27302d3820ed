import { BoxliteError, type ExitRecord, escapeText } from '@boxlite/core';
import { readHostileTail } from '@boxlite/layout';
import { type CheckedVolume, volumeBecameAnother } from '../options/volume.js';
import { withinTime } from '../runtime/time-limit.js';
import { required, type StartContext } from './start-context.js';

const CONSOLE_TAIL_BYTES = 2048;
/** How stage B of the jail says that a path is another file than the one that was granted. */
const IDENTITY_STEP = 'boxlite-stage-b: identity: ';
/** From the end of the channel to the exit record. */
const RECORD_TIMEOUT_MS = 5_000;

/**
 * Talks to the guest; when the VMM ends meanwhile, how it ended is the cause that is reported, and not that nobody answered.
 * @throws BoxliteError `vmm_failed`, or what `talk` throws
 */
export async function reportingVmmEnd<T>(context: StartContext, talk: () => Promise<T>): Promise<T> {
  try {
    return await talk();
  } catch (thrown) {
    // The channel breaks a moment before the exit record arrives: the record says more.
    if (!BoxliteError.isInstance(thrown, 'agent_unavailable') && !BoxliteError.isInstance(thrown, 'stopped'))
      throw thrown;
    const record = await withinTime(required(context, 'vm').wait(), RECORD_TIMEOUT_MS, context.signal);
    throw record === 'timeout' ? thrown : await vmmEnded(context, record);
  }
}

async function vmmEnded(context: StartContext, record: ExitRecord): Promise<BoxliteError> {
  const swapped = swappedVolume(record, context.volumes ?? []);
  if (swapped !== undefined) return swapped;
  const console = await consoleTail(context);
  const why = record.kind === 'Clean' ? 'the guest powered off before it was ready' : record.message;
  const last = console.trimEnd().split('\n').at(-1) ?? '';
  return new BoxliteError(
    'vmm_failed',
    `box ${context.box.id} ended while it started: ${why}${last && ` (console: ${last})`}`,
    {
      hint: `read ${context.box.consoleLog} and ${context.box.stderrFile}`,
      details: { exit: record, console },
    },
  );
}

/**
 * The error for a volume that was not in the jail what had been checked before. What says so is the jail's helper on the VMM's stderr, where a VMM could
 * say it, too: of a start that has failed anyway.
 */
export function swappedVolume(record: ExitRecord, volumes: readonly CheckedVolume[]): BoxliteError | undefined {
  if (record.kind !== 'Error') return undefined;
  const index = volumes.findIndex(({ hostPath }) =>
    record.stderrTail.includes(`${IDENTITY_STEP}${escapeText(hostPath)}: `),
  );
  const volume = volumes[index];
  return volume && volumeBecameAnother(volume, index);
}

/** The end of what the guest wrote to its console, safe to print. */
export async function consoleTail(context: StartContext): Promise<string> {
  try {
    return escapeText(Buffer.from(await readHostileTail(context.box.consoleLog, CONSOLE_TAIL_BYTES)).toString('utf8'));
  } catch {
    return ''; // There is no console yet when the VMM never ran; the error at hand says why.
  }
}
