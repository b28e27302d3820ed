import { BoxliteError } from '@boxlite/core';

/**
 * What is wrong with a kernel's file, as an error about the option that names it.
 * @param named the option or variable
 * @returns anything but a `kernel_unavailable` as it is
 */
export function kernelFileInvalid(thrown: unknown, path: string, named: string): unknown {
  if (!BoxliteError.isInstance(thrown, 'kernel_unavailable')) return thrown;
  const { cause } = thrown;
  const problem = BoxliteError.isInstance(cause) ? cause.message : thrown.message;
  return new BoxliteError('kernel_unavailable', `${named} ${JSON.stringify(path)} is no kernel to boot: ${problem}`, {
    hint:
      process.arch === 'arm64'
        ? 'give an uncompressed Image, or the id of a kernel source: boxlite, libkrunfw'
        : 'give an uncompressed vmlinux built with CONFIG_PVH=y (not a bzImage: `scripts/extract-vmlinux` of Linux unpacks one), or the id of a kernel source: boxlite, libkrunfw',
    cause: thrown,
    details: { ...thrown.details, problem: thrown.details.field, field: 'kernel', path },
  });
}
