import { BoxliteError } from '@boxlite/core';
import type { ChosenKernel } from '../kernel/kernel-service.js';
import { type Check, checkOfError } from './check.js';

/**
 * Which kernel a box boots that names none. Why it is not that of a better source, the check of that source says. Facts: `source`, `version`, `origin`,
 * `path`, `digest`; without one `places` that were looked at.
 */
export async function kernelCheck(find: () => Promise<ChosenKernel>): Promise<Check> {
  try {
    const { source, version, origin, path, digest } = await find();
    return {
      id: 'guest-kernel',
      status: 'ok',
      detail: `Linux ${version} of ${source}, from ${origin}: ${path}`,
      facts: { source, version, origin, path, digest },
    };
  } catch (thrown) {
    // What is no error of ours is a source's that needs more of a runtime than there is here: whether it has a kernel its use will tell.
    return checkOfError('guest-kernel', BoxliteError.isInstance(thrown) ? 'failed' : 'warning', thrown);
  }
}
