import type { KvmFacts } from './kvm-facts.js';

/**
 * The first processor of `/proc/cpuinfo`.
 * @param text the file's contents
 */
export function parseCpuInfo(text: string): KvmFacts['cpu'] {
  const value = (name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
  const flags = new Set(value('flags').split(' '));
  return {
    vendor: value('vendor_id'),
    hasVirtualization: flags.has('vmx') || flags.has('svm'),
    isGuest: flags.has('hypervisor'),
  };
}
