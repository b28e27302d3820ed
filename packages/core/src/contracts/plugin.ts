/**
 * What may be replaced. One plugin kind a contract.
 */
export type PluginKind = 'vmm' | 'sandbox' | 'disk-store' | 'image-source' | 'kernel-source' | 'state-store';

/** The version of the contracts of this package. A registry refuses any other. */
export const SPECIFICATION_VERSION = 'v1';

/** What a plugin's probe found. An unavailable one says why and what would change it. */
export type ProbeResult =
  | { readonly available: true; readonly detail?: string }
  | { readonly available: false; readonly reason: string; readonly remedy: string };

/**
 * A plugin is a plain value, made by a synchronous factory without I/O.
 *
 * The registry calls `probe()` at most once a process and selection; it may do I/O, must not throw for "not here" (that is
 * `available: false`), and must leave nothing behind. `create(context)` is called after a successful probe, does no I/O, and
 * returns the implementation of the contract named by `kind`.
 */
export interface Plugin<Kind extends PluginKind = PluginKind, Implementation = unknown, Context = unknown> {
  readonly kind: Kind;
  /** Unique within its kind: lower-case letters, digits and dashes, at most 64. */
  readonly id: string;
  readonly specificationVersion: typeof SPECIFICATION_VERSION;
  /** Higher is tried first among those nobody chose explicitly; default 0. */
  readonly priority?: number;
  probe(): Promise<ProbeResult>;
  create(context: Context): Implementation;
}
