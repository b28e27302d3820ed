import type { BoxStateRecord, ExitRecord } from '@boxlite/core';

/**
 * The state after a VM has ended: stopped after a clean end, failed with the reason after a crash. A paused box may only become stopped
 * (core's transitions), so its crash is told by the reason alone.
 */
export function endedState(state: BoxStateRecord, record: ExitRecord, now: number): BoxStateRecord {
  return record.kind === 'Clean' ? deadState(state, undefined, now) : deadState(state, record.message, now);
}

/** @param crash why the VM ended; undefined when it was asked to, or powered off */
export function deadState(state: BoxStateRecord, crash: string | undefined, now: number): BoxStateRecord {
  const { supervisor: _supervisor, vmm: _vmm, errorReason: _errorReason, ...kept } = state;
  if (crash === undefined) return { ...kept, status: 'stopped', updatedAt: now };
  return { ...kept, status: state.status === 'paused' ? 'stopped' : 'failed', errorReason: crash, updatedAt: now };
}
