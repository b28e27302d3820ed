import type { ProcessIdentity } from '@boxlite/core';

/** What `shim.pid` says. */
export interface PidRecord {
  readonly supervisor: ProcessIdentity;
  readonly vmm: ProcessIdentity;
}

// Two lines `<name> <pid> <start time>`. Seven digits hold PID_MAX_LIMIT of the kernel; fifteen stay exact in a double.
const RECORD = /^supervisor (\d{1,7}) (\d{1,15})\nvmm (\d{1,7}) (\d{1,15})\n$/;

/**
 * Reads the text of a box's `shim.pid`, for recovery. The record is there while a supervisor runs; one that was killed leaves it behind.
 * @param text the file's content; only its first bytes matter, so a reader may bound it to 256
 * @returns undefined when it is not a whole record
 */
export function parsePidRecord(text: string): PidRecord | undefined {
  const match = text.length <= 256 ? RECORD.exec(text) : null;
  if (match === null) return undefined;
  const [supervisorPid, supervisorStart, vmmPid, vmmStart] = match.slice(1).map(Number);
  if (!supervisorPid || supervisorStart === undefined || !vmmPid || vmmStart === undefined) return undefined;
  return {
    supervisor: { pid: supervisorPid, startTime: supervisorStart },
    vmm: { pid: vmmPid, startTime: vmmStart },
  };
}
