import type { FoundLibkrun } from '@boxlite/vmm-libkrun';
import { type Check, checkOfError } from './check.js';

const FEATURES = ['net', 'blk', 'gpu', 'input', 'tee'] as const;

/**
 * Which libkrun is there. Never `failed`: whether a VMM is available, its own check says. Facts: `path`, `origin`, `version` (undefined when only
 * `minimumVersion` is known), `features`, `maxVcpus`; without one `places` that were looked at.
 */
export async function libkrunCheck(find: () => Promise<FoundLibkrun>): Promise<Check> {
  try {
    const library = await find();
    const { path, origin, version, minimumVersion, maxVcpus } = library;
    const features = FEATURES.filter((name) => library.hasFeature(name) === true);
    const known = version ?? `${minimumVersion} or newer`;
    return {
      id: 'libkrun',
      status: 'ok',
      detail: `${known} with ${features.join(', ') || 'no features'}, from ${origin}: ${path}`,
      facts: { path, origin, version, minimumVersion, features, maxVcpus },
    };
  } catch (thrown) {
    return checkOfError('libkrun', 'warning', thrown);
  }
}
