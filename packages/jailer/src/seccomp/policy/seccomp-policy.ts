import type { FilterArchitecture, SyscallName } from '../syscall-numbers.js';

/** A policy as it is written, checked: names are known, conditions can be met, no line is without effect. */
export interface SeccompPolicy {
  readonly name: string;
  /** Calls compared first, one instruction each, in this order. */
  readonly hot: readonly SyscallName[];
  /** Names a caller may switch on besides `network`. */
  readonly switches: readonly string[];
  /** In the order of the text: of a call's rules the first that matches decides; a call without one is refused. */
  readonly rules: readonly PolicyRule[];
}

export interface PolicyRule {
  readonly call: SyscallName;
  /** Of the text, from 1. */
  readonly line: number;
  readonly architectures: readonly FilterArchitecture[];
  /** The rule is only there when the switch is on (or, with `on: false`, off). */
  readonly onlyIf?: { readonly name: string; readonly on: boolean };
  /** All must hold. */
  readonly conditions: readonly ArgumentCondition[];
  readonly verdict: PolicyVerdict;
}

/** `(argument & mask)` is one of `values`, or with `negated` none of them. Values may differ between architectures. */
export interface ArgumentCondition {
  readonly index: number;
  /** How much of the register the kernel looks at. */
  readonly bits: 32 | 64;
  /** Absent: the whole argument. */
  readonly mask?: ArchitectureValue;
  readonly values: readonly ArchitectureValue[];
  readonly negated: boolean;
}

export type ArchitectureValue = Readonly<Record<FilterArchitecture, bigint>>;

export type PolicyVerdict =
  | { readonly kind: 'allow' }
  /** The process dies by SIGSYS, as of a call that is not listed. */
  | { readonly kind: 'kill' }
  /** The call fails with this error number and is not made. */
  | { readonly kind: 'errno'; readonly errno: number };
