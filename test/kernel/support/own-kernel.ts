import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { createBoxliteKernelSource } from '@boxlite/guest-kernel';
import { defaultRegistry } from '@boxlite/sdk';

const chosen = process.env.BOXLITE_KERNEL;

/**
 * Why the tests of BoxLite's own kernel cannot run here, or undefined when they can. `BOXLITE_KERNEL` names another one to test, by its path, as it
 * does for boxes.
 */
export async function whyNoOwnKernel(): Promise<string | undefined> {
  if (chosen !== undefined && chosen !== '') return undefined;
  const kernels = await defaultRegistry().probeAll('kernel-source');
  const result = kernels.find(({ plugin }) => plugin.id === 'boxlite')?.result;
  return result?.available === false ? `no kernel of BoxLite's own: ${result.reason}` : undefined;
}

/** A kernel that is named by its path says not how many processors it can use. */
export const namedByPath = chosen !== undefined && isAbsolute(chosen);

/** The file of the kernel that the boxes of these tests have. */
export async function ownKernel(): Promise<string> {
  if (chosen !== undefined && isAbsolute(chosen)) return chosen;
  const home = join(tmpdir(), `boxlite-test-kernel-${process.getuid?.() ?? 0}`);
  return (await createBoxliteKernelSource({ home }).kernel()).path;
}
