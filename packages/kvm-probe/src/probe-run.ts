import { BoxliteError } from '@boxlite/core';

/** What the probe program says: one line of JSON (native/kvm-probe.c). */
export interface ProbeRun {
  /** The step that failed; `guest` when the guest ended badly, `time_limit` when it did not end, `done` when all went well. */
  readonly step: string;
  /** The error number of the failed step, 0 if none. */
  readonly errno: number;
  readonly apiVersion: number;
  /** `exit_reason` of struct kvm_run (Linux, Documentation/virt/kvm/api.rst, section 5). */
  readonly exitReason: number;
  readonly suberror: number;
  /** The instructions the guest ran, in order, and whether each did what it does on a processor. */
  readonly checks: Readonly<Record<string, boolean>>;
  /** Measured frequency of the processor's time stamp counter in kHz, 0 if unknown. */
  readonly tscKhz: number;
}

/** @throws BoxliteError `internal` when the text is not the program's */
export function parseProbeRun(text: string): ProbeRun {
  let parsed: Partial<Record<keyof ProbeRun, unknown>> | null = null;
  try {
    parsed = JSON.parse(text);
  } catch {
    // Reported below like any other text that is not the program's.
  }
  const { step, errno, apiVersion, exitReason, suberror, checks, tscKhz } = parsed ?? {};
  const areNumbers = [errno, apiVersion, exitReason, suberror, tscKhz].every((value) => Number.isSafeInteger(value));
  const areFlags =
    typeof checks === 'object' && checks !== null && Object.values(checks).every((value) => typeof value === 'boolean');
  if (typeof step !== 'string' || !areNumbers || !areFlags) {
    throw new BoxliteError('internal', `the KVM probe said ${JSON.stringify(text.slice(0, 160))}`, {
      hint: 'build it again: npm run build',
    });
  }
  return parsed as ProbeRun;
}
