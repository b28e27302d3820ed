/**
 * What a Landlock sandbox may be told. The sandbox itself is a later issue; inside bubblewrap's view the jailer's stage B applies Landlock already.
 *
 * What the implementation must do that the contract does not say by itself:
 * - Landlock only allows; it cannot hide a path below an allowed one. A context with `maskedPaths` below a path of `paths` must be refused in `setup`,
 *   with `sandbox_unavailable`.
 * - It has no view of its own: `symlinks` must exist on the host already, else `setup` refuses.
 * - It runs inside other sandboxes, never around bubblewrap, which could not mount any more.
 */
export interface LandlockSandboxOptions {
  /**
   * The lowest Landlock version that is enough: 1 (Linux 5.13) restricts files, 4 (6.7) TCP, 5 (6.10) device requests, 6 (6.12) signals and abstract sockets.
   * Default 1. A kernel below it is "not available".
   */
  readonly minimumVersion?: number;
  /** Refuse a context without network on a kernel that cannot deny TCP (below version 4). Default true. */
  readonly requireNetworkDenial?: boolean;
}
