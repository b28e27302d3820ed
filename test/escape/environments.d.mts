import type { AttemptOfJob, LayerSet } from './harness/job.js';

export interface Environment {
  readonly uid: number;
  readonly network: boolean;
  readonly host: 'here' | 'kvm';
  /** Default: QEMU's, and libkrun's in a KVM host. */
  readonly policy?: 'qemu' | 'libkrun';
  /** Default: all. */
  readonly layers?: readonly LayerSet[];
  readonly title: string;
}

export interface Attempt {
  readonly topic: string;
  readonly who?: 'root';
  readonly stops: readonly string[];
  readonly open?: { readonly when: 'no-cgroup'; readonly why: string };
  readonly under?: readonly LayerSet[];
  readonly alone?: boolean;
  readonly lingers?: boolean;
  readonly starterDies?: boolean;
}

export const ENVIRONMENTS: Readonly<Record<string, Environment>>;
export const ATTEMPTS: Readonly<Record<string, Attempt>>;
export const LAYERS: readonly LayerSet[];

export function jobOf(environment: Environment): {
  readonly uid: number;
  readonly network: boolean;
  readonly layers: readonly LayerSet[];
  readonly attempts: readonly AttemptOfJob[];
  readonly accelerator: 'tcg' | 'kvm';
  readonly policy: 'qemu' | 'libkrun';
};

export function isDeclared(
  stops: readonly string[],
  layer: string,
  where: { readonly uid: number; readonly landlock: number; readonly policy?: 'qemu' | 'libkrun' },
): boolean;
