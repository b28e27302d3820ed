import type { KvmFacts } from './kvm-facts.js';

/**
 * The frequency of the host's time stamp counter in kHz, if it is a clock: the host's own kernel keeps time by it, so it is constant, does not
 * stop, and agrees between processors.
 */
export function trustedTscKhz({ clockSource, run }: KvmFacts): number | undefined {
  const measured = run?.tscKhz ?? 0;
  return clockSource === 'tsc' && measured > 0 ? measured : undefined;
}
