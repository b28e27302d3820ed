import { BoxliteError } from '@boxlite/core';

/**
 * One thing that was looked at.
 *
 * Text in `detail` and `remedy` may hold paths and words of the host as they are: escape it before a terminal sees it.
 */
export interface Check {
  /**
   * Stable, for programs: `platform`, `programs`, `home`, `disk-space`, `kvm`, `user-namespaces`, `apparmor`, `cgroups`, `seccomp`, `guest-kernel`, `libkrun`, and
   * `<kind>:<id>` for each plugin.
   */
  readonly id: string;
  /** `failed`: no box can run here until it is mended. `warning`: boxes run, with less. */
  readonly status: 'ok' | 'warning' | 'failed';
  /** What was found, for people. The first line says it in short. */
  readonly detail: string;
  /** What to do; absent when there is nothing to do. */
  readonly remedy?: string;
  /** The same for programs; the names are those of the check's own documentation. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Everything that was looked at. */
export interface Diagnosis {
  /** Version of this shape; a member that is added does not change it. */
  readonly version: 1;
  /** Whether a box can run with the defaults: no check has failed. */
  readonly healthy: boolean;
  /** Always in the same order. */
  readonly checks: readonly Check[];
}

/** A check whose question could not be answered. */
export function checkOfError(id: string, status: Check['status'], thrown: unknown): Check {
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  if (!BoxliteError.isInstance(thrown)) return { id, status, detail, facts: {} };
  const { hint, code, details } = thrown;
  return { id, status, detail, ...(hint === undefined ? {} : { remedy: hint }), facts: { code, ...details } };
}
