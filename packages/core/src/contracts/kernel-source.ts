import type { Digest } from '../ids/digest.js';

/**
 * A kernel every VMM here can boot: an ELF with a PVH note, in the home's `kernels/`; or one for the VMMs that name its source. For arm64, which has no
 * PVH, it is the `Image` of its boot protocol instead.
 */
export interface GuestKernel {
  readonly path: string;
  /** An initial RAM disk the kernel cannot boot without. */
  readonly initrd?: string;
  readonly digest: Digest;
  /** `uname -r` as found in the image, for people. */
  readonly version: string;
  /** Where it came from, for people. */
  readonly origin: string;
  /** Processors it can use (`NR_CPUS`). Absent: not known, and a VMM counts on what every kernel here can. */
  readonly maxVcpus?: number;
}

/**
 * Finds a kernel and puts it in the home, under its digest, for its owner alone.
 *
 * Called again, or by several at once, `kernel` gives the same; one that is missing or damaged by then is made anew. Nothing but kernels
 * (and what the source keeps about them beside them) is left. A signal that fires makes it throw `aborted`.
 * @throws BoxliteError `kernel_unavailable` with every place looked at
 */
export interface KernelSource {
  readonly id: string;
  kernel(signal?: AbortSignal): Promise<GuestKernel>;
}
