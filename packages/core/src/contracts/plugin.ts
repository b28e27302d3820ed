/**
 * What may be replaced. One plugin kind a contract.
 */
export type PluginKind = 'vmm' | 'sandbox' | 'disk-store' | 'image-source' | 'kernel-source' | 'state-store';

/**
 * The version of each contract in this package. A registry takes plugins of this version, those of an older one for which there is an
 * adapter, and no others.
 *
 * A version changes when an implementation of the one before would do wrong with what it is handed now (an input it does not know and would
 * ignore), or when a member became necessary. Optional members that an implementation offers or returns change no version.
 *
 * `vmm` v2: `VmmSpec.initrd`, which a handler boots or refuses.
 */
export const SPECIFICATION_VERSIONS = {
  vmm: 'v2',
  sandbox: 'v1',
  'disk-store': 'v1',
  'image-source': 'v1',
  'kernel-source': 'v1',
  'state-store': 'v1',
} as const satisfies Record<PluginKind, string>;

/** The present version of one contract. */
export type SpecificationVersion<Kind extends PluginKind = PluginKind> = (typeof SPECIFICATION_VERSIONS)[Kind];

/** What a plugin's probe found. An unavailable one says why and what would change it. */
export type ProbeResult =
  | { readonly available: true; readonly detail?: string }
  | { readonly available: false; readonly reason: string; readonly remedy: string };

/**
 * A plugin is a plain value, made by a synchronous factory without I/O.
 *
 * The registry calls `probe()` at most once a process and selection; it may do I/O, must not throw for "not here" (that is
 * `available: false`), and must leave nothing behind. `create(context)` does no I/O and returns the implementation of the contract named by
 * `kind`. It is called after a successful probe, and without a probe where something made with the plugin earlier is only attached to.
 */
export interface Plugin<Kind extends PluginKind = PluginKind, Implementation = unknown, Context = unknown> {
  readonly kind: Kind;
  /** Unique within its kind: lower-case letters, digits and dashes, at most 64. */
  readonly id: string;
  /**
   * The version of the contract the plugin was written for. Write the literal: a constant read from this package at run time would always be the
   * present version, whatever the plugin knows of it.
   */
  readonly specificationVersion: SpecificationVersion<Kind>;
  /** Higher is tried first among those nobody chose explicitly; default 0. */
  readonly priority?: number;
  /** Present: it is only ever chosen by its id, being less than what somebody who chooses nothing expects. */
  readonly byNameOnly?: true;
  probe(): Promise<ProbeResult>;
  /** For a plugin whose code is imported late: what `create` needs without a probe before it. */
  load?(): Promise<void>;
  create(context: Context): Implementation;
}
