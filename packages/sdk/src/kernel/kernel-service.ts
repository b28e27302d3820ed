import { BoxliteError, type GuestKernel, type KernelSource, type PluginRegistry } from '@boxlite/core';
import type { PluginChooser } from '../registry/plugin-chooser.js';
import type { Log } from '../runtime/log.js';
import { defaultKernel } from './default-kernel.js';
import { kernelFileOf } from './kernel-file-choice.js';
import { kernelFileInvalid } from './kernel-file-invalid.js';
import { noKernel, type RefusedSource } from './no-kernel.js';

/** A kernel, and whose it is. */
export interface ChosenKernel extends GuestKernel {
  /** Id of the kernel source, or `file`. */
  readonly source: string;
}

/** What kernels are chosen from. */
export interface KernelServiceParts {
  readonly registry: Pick<PluginRegistry, 'list'>;
  readonly plugins: Pick<PluginChooser, 'choose'>;
  /** The home, absolute. */
  readonly home: string;
  readonly log: Log;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** @param choice the id of a kernel source, or the absolute path of a kernel; default: what the environment names, else the best there is */
export type ChooseKernel = (signal?: AbortSignal, choice?: string) => Promise<ChosenKernel>;

/**
 * Chooses kernels. Where nothing is chosen the sources are tried in the order of their priority: one that is here and turns out to be no use, such as a
 * damaged file, is told of and passed over. What was named is taken or refused.
 *
 * The function throws BoxliteError `plugin_unknown` and `plugin_none_available` for an id; `kernel_unavailable` for a file (`details.field` `kernel`), and when
 * there is none anywhere, naming every place.
 */
export function kernelService({ registry, plugins, home, log, environment }: KernelServiceParts): ChooseKernel {
  const files = new Map<string, Promise<KernelSource>>();
  const fileSource = (path: string): Promise<KernelSource> => {
    const known = files.get(path);
    if (known !== undefined) return known;
    const source = import('@boxlite/guest-kernel').then(({ createFileKernelSource }) =>
      createFileKernelSource({ home, kernelPath: path, origin: path }),
    );
    files.set(path, source);
    return source;
  };

  const fromFile = async (path: string, named: string, signal: AbortSignal | undefined) => {
    try {
      return await kernelOf(await fileSource(path), signal);
    } catch (thrown) {
      throw kernelFileInvalid(thrown, path, named);
    }
  };

  const best = async (signal: AbortSignal | undefined): Promise<ChosenKernel> => {
    const refused: RefusedSource[] = [];
    for (const { id } of registry.list('kernel-source').filter(({ byNameOnly }) => byNameOnly === undefined)) {
      try {
        return await kernelOf(await plugins.choose<KernelSource>('kernel-source', id), signal);
      } catch (thrown) {
        if (!isNotHere(thrown)) throw thrown;
        if (thrown.code === 'kernel_unavailable') {
          log({
            level: 'warn',
            message: `the kernel source ${id} gives no kernel, the next one is asked`,
            cause: thrown,
          });
        }
        refused.push({ id, error: thrown });
      }
    }
    throw noKernel(refused);
  };

  return async (signal, choice) => {
    const chosen = choice ?? defaultKernel(environment)?.choice;
    if (chosen === undefined) return best(signal);
    const path = kernelFileOf(chosen);
    const named = choice === undefined ? (defaultKernel(environment)?.variable ?? 'kernel') : 'kernel';
    if (path !== undefined) return fromFile(path, named, signal);
    return kernelOf(await plugins.choose<KernelSource>('kernel-source', chosen), signal);
  };
}

async function kernelOf(source: KernelSource, signal: AbortSignal | undefined): Promise<ChosenKernel> {
  return { ...(await source.kernel(signal)), source: source.id };
}

/** What the user has chosen, such as a directory of kernels, is refused rather than passed over. */
function isNotHere(thrown: unknown): thrown is BoxliteError {
  if (BoxliteError.isInstance(thrown, 'plugin_none_available')) return true;
  return BoxliteError.isInstance(thrown, 'kernel_unavailable') && thrown.details.chosen !== true;
}
