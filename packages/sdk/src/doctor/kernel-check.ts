import type { GuestKernel } from '@boxlite/core';
import { type Check, checkOfError } from './check.js';

/**
 * Which kernel boxes boot. Facts: `version`, `origin`, `path`, `digest`; without one `places` that were looked at.
 * @param withoutOne `failed` when nothing else could bring a kernel
 */
export async function kernelCheck(
  find: () => Promise<GuestKernel>,
  withoutOne: 'failed' | 'warning' = 'failed',
): Promise<Check> {
  try {
    const { version, origin, path, digest } = await find();
    return {
      id: 'guest-kernel',
      status: 'ok',
      detail: `Linux ${version}, from ${origin}: ${path}`,
      facts: { version, origin, path, digest },
    };
  } catch (thrown) {
    return checkOfError('guest-kernel', withoutOne, thrown);
  }
}
