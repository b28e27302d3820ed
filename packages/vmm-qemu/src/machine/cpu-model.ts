import type { Accelerator } from './accelerator.js';

/**
 * What the EPYC model announces and TCG of QEMU 7.2 does not do. Named so that QEMU does not warn about each of them on stderr,
 * where the cause of a failed start is looked for.
 */
const NOT_IN_TCG = [
  ...['rdseed', 'sha-ni', 'fxsr-opt', 'misalignsse', '3dnowprefetch', 'osvw', 'topoext', 'perfctr-core'],
  ...['clzero', 'xsaveerptr', 'ibpb', 'nrip-save', 'xsavec', 'xsaves'],
  // TCG has it, but then the guest kernel spends 50 ms on starting a hypervisor of its own.
  'svm',
];

/**
 * The `-cpu` argument. Under TCG it is EPYC, whose SSE4.2 and POPCNT images built for x86-64-v2 need; `max` hangs at boot.
 */
export function cpuModel(accelerator: Accelerator): string {
  if (accelerator === 'kvm') return 'host';
  return ['EPYC', ...NOT_IN_TCG.map((feature) => `-${feature}`)].join(',');
}
