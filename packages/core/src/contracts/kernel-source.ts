import type { Digest } from '../ids/digest.js';

/** A kernel every VMM here can boot: an ELF with a PVH note, in the home's `kernels/`; or one for the VMMs that name its source. */
export interface GuestKernel {
  readonly path: string;
  /** An initial RAM disk the kernel cannot boot without. */
  readonly initrd?: string;
  readonly digest: Digest;
  /** `uname -r` as found in the image, for people. */
  readonly version: string;
  /** Where it came from, for people. */
  readonly origin: string;
}

/** Finds a kernel. @throws BoxliteError `kernel_unavailable` with every place looked at */
export interface KernelSource {
  readonly id: string;
  kernel(signal?: AbortSignal): Promise<GuestKernel>;
}
