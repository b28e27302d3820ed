import {
  type BoxId,
  BoxliteError,
  type BoxRecord,
  type BoxStateRecord,
  type BoxStatus,
  errnoOf,
  type ProcessIdentity,
} from '@boxlite/core';
import { type BoxLayout, isAlive, readHostileFile } from '@boxlite/layout';
import { type PidRecord, parseExitRecord, parsePidRecord } from '@boxlite/supervisor';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { deadState } from './ended-state.js';

const MAX_RECORD_BYTES = 64 * 1024;
const SUPERVISOR_LOST = 'the supervisor was lost: it was killed, and the VMM with it';

/** Who runs a box according to `shim.pid`, which is the truth; the database only remembers it. */
export type Liveness =
  | { readonly alive: true; readonly supervisor: ProcessIdentity; readonly vmm: ProcessIdentity }
  /** `left`: what a supervisor that was killed has left behind; one that ends takes its record along. */
  | { readonly alive: false; readonly left?: PidRecord };

/** Reads the pid record of a box and looks whether its supervisor lives. A malformed record counts as none. */
export async function boxLiveness(box: BoxLayout): Promise<Liveness> {
  const text = await readIfThere(box.pidFile);
  const record = text === undefined ? undefined : parsePidRecord(text);
  if (record === undefined) return { alive: false };
  return isAlive(record.supervisor) ? { alive: true, ...record } : { alive: false, left: record };
}

/** True for a status that says something should be running. */
export function claimsToRun(status: BoxStatus): boolean {
  return status === 'running' || status === 'paused' || status === 'stopping';
}

/**
 * The record of a box, put right when it claims a machine that is gone. Nothing is changed when another process has changed it
 * meanwhile: a start or stop that has gone on since must not be overwritten.
 * @returns undefined when the box is not recorded (any more)
 */
export async function reconciledRecord(
  services: Pick<RuntimeServices, 'store'>,
  id: BoxId,
  box: BoxLayout,
): Promise<BoxRecord | undefined> {
  const { boxes } = services.store;
  const record = await boxes.get(id);
  if (record === undefined || !claimsToRun(record.state.status)) return record;
  const liveness = await boxLiveness(box);
  if (liveness.alive) return record;
  const crash = record.state.status === 'stopping' ? undefined : await crashReason(box, liveness.left);
  try {
    const state = await boxes.update(id, (current) =>
      isSameLife(current, record.state) ? deadState(current, crash, Date.now()) : current,
    );
    return { ...record, state };
  } catch (thrown) {
    if (BoxliteError.isInstance(thrown, 'not_found')) return undefined;
    throw thrown;
  }
}

function isSameLife(a: BoxStateRecord, b: BoxStateRecord): boolean {
  return (
    a.status === b.status &&
    a.updatedAt === b.updatedAt &&
    a.vmm?.pid === b.vmm?.pid &&
    a.vmm?.startTime === b.vmm?.startTime
  );
}

/** Why a box that is not running any more crashed; undefined when it did not. An empty record is none. */
export async function crashReason(box: BoxLayout, left?: PidRecord): Promise<string | undefined> {
  const text = await readIfThere(box.exitFile);
  if (text !== undefined && text.trim() !== '') {
    const record = parseExitRecord(text);
    // Rubbish, or something else than a file: that there is a record still means a crash.
    if (record === undefined) return 'the box crashed and left an unreadable record';
    return record.kind === 'Clean' ? undefined : record.message;
  }
  return left === undefined ? undefined : SUPERVISOR_LOST;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return Buffer.from(await readHostileFile(path, MAX_RECORD_BYTES)).toString('utf8');
  } catch (thrown) {
    if (errnoOf(thrown) === 'not_found') return undefined;
    return REFUSED; // A link, a device, too large: a file without a usable record.
  }
}

/** Stands for the content of a file that is not read: neither empty nor a record. */
const REFUSED = '\0';
