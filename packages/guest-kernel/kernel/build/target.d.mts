export interface KernelTarget {
  readonly architecture: string;
  readonly nodeArch: string;
  readonly file: string;
}
export const KERNEL_SOURCES: string;
export const FRAGMENTS: string;
export const PATCHES: string;
export const TARGETS: Readonly<Record<string, KernelTarget>>;
export const MAX_VCPUS: number;
export function fragmentNames(target: string): string[];
export function crossPrefix(target: string, machine?: string): string;
