import type { HardwareProbe } from '@boxlite/core';
import { nativeBinary } from '@boxlite/platform';
import { classifyKvm } from './classify-kvm.js';
import { collectKvmFacts } from './collect-kvm-facts.js';
import type { KvmFacts } from './kvm-facts.js';
import { trustedTscKhz } from './trusted-tsc-khz.js';

/** Settings of {@link createKvmProbe}. */
export interface KvmProbeOptions {
  /** The probe program; default {@link kvmProbeBinaryPath}. */
  readonly binary?: string;
  /** Default `/dev/kvm`. */
  readonly device?: string;
}

/** Looked at once a process for each pair of settings: the hardware does not change under us. */
const known = new Map<string, Promise<KvmFacts>>();

/**
 * The static program that runs guest code: of this machine's platform package, or of `native/build` in a source checkout.
 * @throws BoxliteError of `nativeBinary` when there is none
 */
export function kvmProbeBinaryPath(): string {
  return nativeBinary('kvm-probe');
}

/**
 * A {@link HardwareProbe} that runs 64-bit guest code with `lock cmpxchg16b` and `int3`, because a `/dev/kvm` that answers its
 * queries proves nothing. Takes some 20 ms once a process; never throws: what goes wrong is a status.
 */
export function createKvmProbe(options: KvmProbeOptions = {}): HardwareProbe {
  const device = options.device ?? '/dev/kvm';
  const facts = () => {
    const key = `${options.binary ?? ''}\0${device}`;
    const collected =
      known.get(key) ?? collectKvmFacts({ findBinary: () => options.binary ?? kvmProbeBinaryPath(), device });
    known.set(key, collected);
    return collected;
  };
  return {
    kvm: async () => classifyKvm(await facts()),
    tscKhz: async () => trustedTscKhz(await facts()),
  };
}
