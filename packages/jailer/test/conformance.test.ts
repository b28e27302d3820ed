import { type JailParts, jailConformance, runConformance } from '@boxlite/core/testing';
import { describe, it } from 'vitest';
import { createJailer, type JailerOptions } from '../src/index.js';

/** A host without cgroups. */
const cgroups: NonNullable<JailerOptions['cgroups']> = {
  prepare: async () => ({ enforced: { memory: false, processes: false }, degradations: [] }),
  release: async () => undefined,
};

function jailOf({ sandbox, path, resourceLimits }: JailParts, jailerEnabled: boolean) {
  const security = { jailerEnabled, ...resourceLimits };
  return createJailer({
    id: 'conformance',
    sandbox,
    paths: [{ path, writable: true }],
    cgroups,
    security,
    stageB: '/bin/true',
  });
}

describe('the jailer, over any sandbox', () => {
  const suite = jailConformance({ create: (parts) => jailOf(parts, true), createOff: (parts) => jailOf(parts, false) });
  runConformance(suite, it);
});
