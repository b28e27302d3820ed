import type { AcceleratorChoice } from './accelerator.js';

/**
 * Console on the virtio console; `reboot=t` (triple fault) is the reboot every x86 machine has, and with `-no-reboot` ends QEMU;
 * the timer check is for broken mainboards.
 */
const ALWAYS = ['console=hvc0', 'reboot=t', 'panic=-1', 'quiet', 'no_timer_check'];

/**
 * Kernel parameters this VMM adds to those of the spec.
 *
 * Under TCG each is there for a measured part of the time from spawn to the agent's first byte (package README, "Start time"):
 * - `tsc_early_khz`, `tsc=reliable`: there is no HPET and no PM timer to measure the counter with. Without them the guest's clock
 *   advances in ticks of 4 ms and its timers are no finer.
 * - `noapictimer` (one CPU only): calibrating the APIC timer takes 200 ms; the PIT serves as well. With several CPUs it would turn off
 *   high resolution timers.
 * - `mitigations=off`: translated code does not execute the guest's branches, so the guest kernel's defences against the processor protect nothing.
 * - `noreplace-smp`: leaves thousands of lock prefixes unpatched; each patch makes the translator drop code.
 * - `initcall_blacklist=jent_mod_init`: a noise source's self-test, 50 ms; there is a virtio random device.
 * @param choice what executes the guest
 * @param vcpus number of virtual CPUs
 */
export function kernelParameters(choice: AcceleratorChoice, vcpus: number): readonly string[] {
  if (choice.accelerator === 'kvm') return ALWAYS;
  const { tscKhz } = choice;
  return [
    ...ALWAYS,
    ...(tscKhz === undefined ? [] : [`tsc_early_khz=${tscKhz}`, 'tsc=reliable']),
    ...(vcpus === 1 ? ['noapictimer'] : []),
    'mitigations=off',
    'noreplace-smp',
    'initcall_blacklist=jent_mod_init',
  ];
}
