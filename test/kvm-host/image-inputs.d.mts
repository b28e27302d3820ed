export const DEBIAN_RELEASE: string;
export const HOST_PACKAGES: Readonly<Record<string, string>>;
export const KERNEL_PACKAGE: string;
export function imageKey(inputs: {
  readonly release: string;
  readonly packages: readonly string[];
  readonly kernelPackage: string;
  readonly nodeVersion: string;
  readonly builder: string;
}): string;
