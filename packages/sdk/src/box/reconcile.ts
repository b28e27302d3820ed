import { type BoxRecord, type BoxStateRecord, errnoOf, escapeText, type ProcessIdentity } from '@boxlite/core';
import { type BoxLayout, isAlive, readHostileFile } from '@boxlite/layout';
import { parsePidRecord } from '@boxlite/supervisor';

const MAX_RECORD_BYTES = 64 * 1024;

/** Who runs a box according to `shim.pid`, which is the truth; the database only remembers it. */
export type Liveness =
  | { readonly alive: true; readonly supervisor: ProcessIdentity; readonly vmm: ProcessIdentity }
  | { readonly alive: false };

/** Reads the pid record of a box and looks whether its supervisor lives. A malformed record counts as none. */
export async function boxLiveness(box: BoxLayout): Promise<Liveness> {
  const text = await readIfThere(box.pidFile);
  const record = text === undefined ? undefined : parsePidRecord(text);
  if (record === undefined || !isAlive(record.supervisor)) return { alive: false };
  return { alive: true, ...record };
}

/**
 * What the state of a box must be, given what runs. Undefined when the record is right as it is.
 * @param record whose status says that something should be running
 */
export async function reconciledState(
  { state }: BoxRecord,
  box: BoxLayout,
  now: number,
): Promise<BoxStateRecord | undefined> {
  if (state.status !== 'running' && state.status !== 'paused' && state.status !== 'stopping') return undefined;
  if ((await boxLiveness(box)).alive) return undefined;
  const { supervisor: _supervisor, vmm: _vmm, ...kept } = state;
  const crash = await crashReason(box);
  if (crash === undefined) return { ...kept, status: 'stopped', updatedAt: now };
  // A paused box may only become stopped (core's transitions), so its crash is told by the reason alone.
  const status = state.status === 'paused' ? 'stopped' : 'failed';
  return { ...kept, status, errorReason: crash, updatedAt: now };
}

/** The message of the box's crash record; undefined without one (an empty file is none). */
export async function crashReason(box: BoxLayout): Promise<string | undefined> {
  const text = await readIfThere(box.exitFile);
  if (text === undefined || text.trim() === '') return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    const { message } = parsed as { message?: unknown };
    if (typeof message === 'string') return escapeText(message);
  } catch {
    // Not JSON: the VMM side can write rubbish here; that there is a record still means a crash.
  }
  return 'the box crashed and left an unreadable record';
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return Buffer.from(await readHostileFile(path, MAX_RECORD_BYTES)).toString('utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT' || errnoOf(thrown) === 'not_found') return undefined;
    return ''; // Refused as hostile (a link, too large): treated as a file without a usable record.
  }
}
