/** What the dynamic loader reads from one ELF file. */
export interface ElfObject {
  /** `e_machine` of the ELF header: 62 is x86-64, 183 arm64. */
  readonly machine: number;
  /** The loader the kernel starts (PT_INTERP); absent in libraries and static programs. */
  readonly interpreter?: string;
  /** DT_NEEDED, in order. */
  readonly needed: readonly string[];
  /** DT_RPATH and DT_RUNPATH as written, split at colons. */
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
}
