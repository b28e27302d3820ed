/**
 * What KVM on this host can do, found by running long-mode guest code (a `/dev/kvm` that answers proves nothing).
 */
export type KvmStatus =
  | { readonly state: 'usable'; readonly apiVersion: number }
  | {
      readonly state:
        | 'missing'
        | 'denied'
        | 'module-absent'
        | 'disabled-in-firmware'
        | 'nested-off'
        | 'cannot-run-unmodified-kernel';
      readonly reason: string;
      readonly remedy: string;
    };

/** Asks the hardware; handlers that can use KVM get this injected. Cached for the life of the process by its implementation. */
export interface HardwareProbe {
  kvm(): Promise<KvmStatus>;
  /**
   * Frequency of the host's time stamp counter in kHz, undefined where it is no trustworthy clock. A VMM that emulates the processor passes it
   * to the guest, which cannot measure it.
   */
  tscKhz?(): Promise<number | undefined>;
}
