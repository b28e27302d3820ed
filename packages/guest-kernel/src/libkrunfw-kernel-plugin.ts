import { BoxliteError, type KernelSource, type Plugin } from '@boxlite/core';
import { createLibkrunfwKernelSource, type LibkrunfwKernelSourceOptions } from './libkrunfw-kernel-source.js';

/** {@link createLibkrunfwKernelSource} as a plugin; its probe prepares the kernel, so that the first start finds it ready. */
export function libkrunfwKernelPlugin(
  options: LibkrunfwKernelSourceOptions,
): Plugin<'kernel-source', KernelSource, unknown> {
  return {
    kind: 'kernel-source',
    id: 'libkrunfw',
    specificationVersion: 'v1',
    async probe() {
      try {
        const { version, origin } = await createLibkrunfwKernelSource(options).kernel();
        return { available: true, detail: `Linux ${version} from ${origin}` };
      } catch (thrown) {
        if (!BoxliteError.isInstance(thrown)) throw thrown;
        return { available: false, reason: thrown.message, remedy: thrown.hint ?? 'give option kernelPath' };
      }
    },
    create: () => createLibkrunfwKernelSource(options),
  };
}
