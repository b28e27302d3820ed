import { basename, dirname, join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { FILE_SOURCE } from '../kernel/kept-kernel.js';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { allocatedBytes, namesIn } from './allocated-bytes.js';
import { kernelsInUse } from './kernels-in-use.js';
import type { KernelState } from './storage-snapshot.js';

/** Files of `kernels/` that are kernels: the SHA-256 of their contents. */
const KERNEL_NAME = /^[0-9a-f]{64}$/;

/**
 * The kernels of a home, who needs them, and which of them the next starts boot. A single one is not asked about: it is that one, or soon the older of
 * two. When it cannot be told, all are current.
 */
export async function readKernels(services: RuntimeServices): Promise<readonly KernelState[]> {
  const { kernelsDir } = services.layout;
  const names = (await namesIn(kernelsDir)).filter((name) => KERNEL_NAME.test(name));
  const current = names.length < 2 ? undefined : await currentKernels(services);
  const users = await kernelsInUse(services);
  return Promise.all(
    names.map(async (name) => ({
      name,
      bytes: await allocatedBytes(join(kernelsDir, name)),
      isCurrent: current?.has(name) ?? true,
      users: users.get(name) ?? [],
    })),
  );
}

/** What a new box boots here, and what stopped boxes will, as far as their sources are here; undefined when there is no kernel for a new box. */
async function currentKernels(services: RuntimeServices): Promise<ReadonlySet<string> | undefined> {
  const { kernel, layout, log, store } = services;
  const current = new Set<string>();
  const add = (path: string) => dirname(path) === layout.kernelsDir && current.add(basename(path));
  let source: string;
  try {
    const chosen = await kernel();
    source = chosen.source;
    add(chosen.path);
  } catch (cause) {
    log({ level: 'debug', message: 'which kernels are current cannot be told, so all are kept', cause });
    return undefined;
  }
  const sources = (await store.boxes.list()).flatMap(({ state }) => state.kernel?.source ?? []);
  for (const other of new Set(sources)) {
    if (other === source || other === FILE_SOURCE) continue;
    try {
      add((await kernel(undefined, other)).path);
    } catch (cause) {
      // A plugin that is not loaded now; its kernel is made again by the start that needs it.
      if (!BoxliteError.isInstance(cause)) throw cause;
      log({ level: 'debug', message: `what the kernel source ${other} gives cannot be told`, cause });
    }
  }
  return current;
}
