/** What libkrun may have been built with; as `krun_has_feature` numbers them (libkrun.h). */
export type LibkrunFeature = 'net' | 'blk' | 'gpu' | 'input' | 'tee';

/** A libkrun found on this machine, and what it can do. Nothing of it is loaded into the process that boots boxes. */
export interface LibkrunLibrary {
  /** Absolute and real: symbolic links are resolved. */
  readonly path: string;
  /** `1.17.4`, where the file's name or its package tells it. */
  readonly version: string | undefined;
  /** The names of the `krun_*` functions it exports. */
  readonly symbols: ReadonlySet<string>;
  /** Undefined where the library cannot say: `krun_has_feature` came with 1.17.3. */
  hasFeature(name: LibkrunFeature): boolean | undefined;
  /** What `krun_get_max_vcpus` (1.16) says; undefined without it or without KVM. */
  readonly maxVcpus: number | undefined;
}
