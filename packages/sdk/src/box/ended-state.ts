import type { BoxStateRecord, ExitRecord } from '@boxlite/core';

/** The state after a VM has ended: stopped after a clean end, failed with the reason after a crash. */
export function endedState(state: BoxStateRecord, record: ExitRecord, now: number): BoxStateRecord {
  const { supervisor: _supervisor, vmm: _vmm, errorReason: _errorReason, ...kept } = state;
  if (record.kind === 'Clean') return { ...kept, status: 'stopped', updatedAt: now };
  return { ...kept, status: 'failed', errorReason: record.message, updatedAt: now };
}
