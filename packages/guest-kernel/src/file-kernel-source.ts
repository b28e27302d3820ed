import { BoxliteError, type KernelSource, type Plugin } from '@boxlite/core';
import { createCachedKernelSource } from './cached-kernel-source.js';
import { refuseRelativePaths } from './refuse-relative-paths.js';

/** Id of {@link createFileKernelSource}, and what is recorded of a box with such a kernel. */
export const FILE_KERNEL_SOURCE_ID = 'file';

/** Settings of {@link createFileKernelSource}. */
export interface FileKernelSourceOptions {
  /** The BoxLite home, absolute. */
  readonly home: string;
  /** An x86-64 `vmlinux` with a PVH note, or an arm64 `Image`; absolute. */
  readonly kernelPath: string;
  /** Who named it, for messages; default `option kernelPath`. */
  readonly origin?: string;
  /** As `process.arch`, which is the default. */
  readonly architecture?: string;
}

/**
 * A {@link KernelSource} over one file of the user's. It is read when it has changed, and the home keeps what it was.
 * @throws BoxliteError `invalid_argument` for a relative path
 */
export function createFileKernelSource(options: FileKernelSourceOptions): KernelSource {
  const { home, kernelPath, origin = 'option kernelPath', architecture = process.arch } = options;
  refuseRelativePaths({ home, kernelPath });
  const kind = architecture === 'arm64' ? 'image' : 'vmlinux';
  return createCachedKernelSource({
    id: FILE_KERNEL_SOURCE_ID,
    home,
    surroundings: () => '',
    list: async () => ({ candidates: [{ path: kernelPath, kind, origin, chosen: true }], misses: [] }),
    remedy: 'name another file',
  });
}

/** {@link createFileKernelSource} as a plugin, for a registry of your own. */
export function fileKernelPlugin(options: FileKernelSourceOptions): Plugin<'kernel-source', KernelSource, unknown> {
  return {
    kind: 'kernel-source',
    id: FILE_KERNEL_SOURCE_ID,
    specificationVersion: 'v1',
    async probe() {
      try {
        const { version } = await createFileKernelSource(options).kernel();
        return { available: true, detail: `Linux ${version} from ${options.kernelPath}` };
      } catch (thrown) {
        if (!BoxliteError.isInstance(thrown)) throw thrown;
        return { available: false, reason: thrown.message, remedy: thrown.hint ?? 'name another file' };
      }
    },
    create: () => createFileKernelSource(options),
  };
}
