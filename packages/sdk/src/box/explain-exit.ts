import type { ExitRecord } from '@boxlite/core';
import { describeCall } from '@boxlite/jailer';

/** What a person is told of the end of a VMM: its record's message, and the name of the system call that a diagnosis run stopped. */
export function explainExit(record: Exclude<ExitRecord, { kind: 'Clean' }>): string {
  if (record.kind !== 'Signal' || record.call === undefined) return record.message;
  return `the VMM made a system call its policy forbids: ${describeCall(record.call)}`;
}
