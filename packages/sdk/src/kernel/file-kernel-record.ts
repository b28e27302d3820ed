import type { KernelRecord } from '@boxlite/core';
import { kernelFileOf } from './kernel-file-choice.js';
import type { ChooseKernel } from './kernel-service.js';

/**
 * The record of a kernel that a new box names as a file: one that is no use is said now, and the home keeps a copy of the other.
 * @returns undefined for a box that names none, or a kernel source
 * @throws BoxliteError `kernel_unavailable` (field `kernel`)
 */
export async function fileKernelRecord(
  chooseKernel: ChooseKernel,
  choice: string | undefined,
): Promise<KernelRecord | undefined> {
  const path = kernelFileOf(choice);
  if (path === undefined) return undefined;
  const { source, digest, version } = await chooseKernel(undefined, path);
  return { source, digest, version };
}
