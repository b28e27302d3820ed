import { basename, dirname, join } from 'node:path';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { allocatedBytes, namesIn } from './allocated-bytes.js';
import type { KernelState } from './storage-snapshot.js';

/** Files of `kernels/` that are kernels: the SHA-256 of their contents. */
const KERNEL_NAME = /^[0-9a-f]{64}$/;

/**
 * The kernels of a home, and which of them the next starts boot. A single one is not asked about: it is that one, or soon the older of two. When it
 * cannot be told, all are current.
 */
export async function readKernels(services: RuntimeServices): Promise<readonly KernelState[]> {
  const { kernelsDir } = services.layout;
  const names = (await namesIn(kernelsDir)).filter((name) => KERNEL_NAME.test(name));
  const current = names.length < 2 ? undefined : await currentKernels(services);
  return Promise.all(
    names.map(async (name) => ({
      name,
      bytes: await allocatedBytes(join(kernelsDir, name)),
      isCurrent: current?.has(name) ?? true,
    })),
  );
}

/** What every available source gives; undefined when one of them fails. */
async function currentKernels({
  kernel,
  registry,
  layout,
  log,
}: RuntimeServices): Promise<ReadonlySet<string> | undefined> {
  const sources = (await registry.probeAll('kernel-source')).filter(({ result }) => result.available);
  const current = new Set<string>();
  try {
    for (const { plugin } of sources) {
      const { path } = await kernel(undefined, plugin.id);
      if (dirname(path) === layout.kernelsDir) current.add(basename(path));
    }
  } catch (cause) {
    log({ level: 'debug', message: 'which kernels are current cannot be told, so all are kept', cause });
    return undefined;
  }
  return current;
}
