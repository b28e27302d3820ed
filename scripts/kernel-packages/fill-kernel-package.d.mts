export const KERNEL_TARGETS: readonly string[];
export function kernelPackageDirectory(target: string): string;
export function builtNames(target: string): string[];
export function fillKernelPackage(
  target: string,
  directory: string,
  report: (words: string) => void,
  kernel?: { readonly directory: string },
): Promise<void>;
