import { BoxliteError, type KernelSource, type Plugin, type ProbeResult } from '@boxlite/core';
import { type BoxliteKernelSourceOptions, boxlitePlaces } from './boxlite-kernel-source.js';
import { KernelCache } from './cache/kernel-cache.js';
import { createCachedKernelSource } from './cached-kernel-source.js';
import { noKernelFound } from './no-kernel-found.js';

/** Before libkrunfw's: it starts in about two thirds of the time, and has what container engines need. */
export const BOXLITE_KERNEL_PRIORITY = 10;

/** {@link createBoxliteKernelSource} as a plugin; its probe reads manifests and no kernel. */
export function boxliteKernelPlugin(
  options: BoxliteKernelSourceOptions,
): Plugin<'kernel-source', KernelSource, unknown> {
  return {
    kind: 'kernel-source',
    id: 'boxlite',
    specificationVersion: 'v1',
    priority: BOXLITE_KERNEL_PRIORITY,
    probe: () => probeBoxliteKernel(options),
    create: () => createCachedKernelSource(boxlitePlaces(options)),
  };
}

/**
 * Whether BoxLite's own kernel is to be had here. A directory the user chose counts as one, whatever is in it: its use says what is wrong with it, where
 * another kernel would hide that.
 */
export async function probeBoxliteKernel(options: BoxliteKernelSourceOptions): Promise<ProbeResult> {
  const places = boxlitePlaces(options);
  try {
    const { candidates, misses } = await places.list();
    const [first] = candidates;
    if (first !== undefined) return { available: true, detail: `Linux ${first.version} from ${first.origin}` };
    const kept = await new KernelCache(places.home).kept(`${places.id} `);
    if (kept !== undefined)
      return { available: true, detail: `Linux ${kept.version}, which this home has from before` };
    return unavailable(noKernelFound(misses, places.remedy));
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'kernel_unavailable')) throw thrown;
    return thrown.details.chosen === true ? { available: true, detail: thrown.message } : unavailable(thrown);
  }
}

function unavailable({ message, hint }: BoxliteError): ProbeResult {
  return { available: false, reason: message, remedy: hint ?? 'use another kernel source' };
}
