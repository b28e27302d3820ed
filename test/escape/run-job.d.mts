import type { AttemptOfJob, EscapeReport, LayerSet } from './harness/job.js';

export const ORDINARY_USER: number;

export interface PreparedRun {
  readonly directory: string;
  remove(): void;
}

export function prepareRun(): PreparedRun;

export function runJob(
  run: PreparedRun,
  what: {
    readonly uid: number;
    readonly network: boolean;
    readonly layers: readonly LayerSet[];
    readonly attempts: readonly AttemptOfJob[];
    readonly accelerator?: 'tcg' | 'kvm';
    readonly policy?: 'qemu' | 'libkrun';
  },
  say?: (line: string) => void,
): Promise<EscapeReport>;
