/** One place a kernel may come from. */
export interface KernelCandidate {
  readonly path: string;
  /** `libkrunfw`: a library with a kernel in it. `vmlinux`: an x86-64 ELF with a PVH note. `image`: an arm64 `Image`. */
  readonly kind: 'libkrunfw' | 'vmlinux' | 'image';
  /** For people. */
  readonly origin: string;
  /** Chosen by the user: a failure is reported at once, no other place is tried. */
  readonly chosen: boolean;
  /** Hex sha256 the file must have. */
  readonly sha256?: string;
  /** What its banner must say. */
  readonly version?: string;
  /** Processors it can use, where that is known. */
  readonly maxVcpus?: number;
  /** `package.json` beside it must carry this version. */
  readonly manifest?: { readonly path: string; readonly version: string };
}

/** The candidates in the order of trial, and the places where nothing is. */
export interface CandidateList {
  readonly candidates: readonly KernelCandidate[];
  /** `place: why`, for the error message. */
  readonly misses: readonly string[];
  /** Files and links, there or not, whose change means that another list may come out. */
  readonly watched?: readonly string[];
}
