import { hardware } from '../../../../test/support/vm-parts.js';

/** Why no machine of libkrun can run here, as the end of a test's title; undefined where one can. */
export async function kvmAbsence(): Promise<string | undefined> {
  const status = await hardware.kvm();
  return status.state === 'usable' ? undefined : ` (skipped: ${status.reason})`;
}
