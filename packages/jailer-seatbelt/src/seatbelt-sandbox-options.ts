/**
 * What a seatbelt sandbox (macOS, `sandbox-exec` with an SBPL profile) may be told. The sandbox itself is a later issue.
 *
 * What the implementation must do that the contract does not say by itself:
 * - The profile starts with `(deny default)`; grants follow in the context's order, masks after them, and grants below a mask after that: the last
 *   matching rule decides in SBPL, the deepest one in the contract.
 * - Paths are compared as the kernel resolves them (`/private/tmp`, not `/tmp`), and go into the profile as SBPL strings, never as text.
 * - `context.sandboxProfile`, when present, is used instead of the generated profile.
 * - There is no user to become and no process limit: `runAs` that differs from the caller's ids must be refused in `setup`.
 */
export interface SeatbeltSandboxOptions {
  /** Default `/usr/bin/sandbox-exec`. */
  readonly sandboxExecPath?: string;
  /** The user's cache directory, readable by Apple's frameworks; default: what `getconf DARWIN_USER_CACHE_DIR` says. */
  readonly userCacheDirectory?: string;
}
