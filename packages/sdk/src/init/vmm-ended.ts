import { BoxliteError, type ExitRecord, escapeText } from '@boxlite/core';
import { readHostileTail } from '@boxlite/layout';
import { withinTime } from '../runtime/time-limit.js';
import { required, type StartContext } from './start-context.js';

const CONSOLE_TAIL_BYTES = 2048;
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

/** The end of what the guest wrote to its console, safe to print. */
export async function consoleTail(context: StartContext): Promise<string> {
  try {
    return escapeText(Buffer.from(await readHostileTail(context.box.consoleLog, CONSOLE_TAIL_BYTES)).toString('utf8'));
  } catch {
    return ''; // There is no console yet when the VMM never ran; the error at hand says why.
  }
}
