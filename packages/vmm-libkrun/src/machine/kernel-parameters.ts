/**
 * Kernel parameters this VMM adds to those of the spec.
 *
 * `reboot=k` resets through the keyboard controller, the one way libkrun notices on x86; `panic=-1` does so at once after a panic; the
 * kernel has no modules; without paravirtual page faults the guest needs no asynchronous ones (libkrun's own command line has both).
 */
export const KERNEL_PARAMETERS = ['console=hvc0', 'reboot=k', 'panic=-1', 'quiet', 'nomodule', 'no-kvmapf'] as const;
