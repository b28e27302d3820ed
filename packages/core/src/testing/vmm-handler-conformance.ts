import type { ConformanceCase } from './conformance-case.js';
import { defineCases, mergeCases } from './define-cases.js';
import { SLOWNESS } from './slowness.js';
import { captureCases } from './vmm/capture-cases.js';
import { checkCases } from './vmm/check-cases.js';
import { connectionCases } from './vmm/connection-cases.js';
import { continuationCheckCases } from './vmm/continuation-check-cases.js';
import { endCases } from './vmm/end-cases.js';
import { failedStartCases } from './vmm/failed-start-cases.js';
import { identityCases } from './vmm/identity-cases.js';
import { leakCases } from './vmm/leak-cases.js';
import { restoreCases } from './vmm/restore-cases.js';
import { startCases } from './vmm/start-cases.js';
import type { VmmHandlerSetup } from './vmm/test-machine.js';
import { onBench } from './vmm/vmm-bench.js';

/** A boot under emulation on a host that is busy with other things, in milliseconds. */
const DEADLINE_MS = 90_000 * SLOWNESS;

/**
 * What every {@link import('../contracts/vmm-handler.js').VmmHandler} must do. Starts real machines, some thirty of them, of which a third boot; a
 * hundred for one that restores.
 *
 * @example
 * ```ts
 * runConformance(vmmHandlerConformance(setup), it);
 * ```
 */
export function vmmHandlerConformance(setup: VmmHandlerSetup): ConformanceCase[] {
  return defineCases(
    { contract: 'VmmHandler', deadlineMs: setup.deadlineMs ?? DEADLINE_MS, around: (check) => onBench(setup, check) },
    mergeCases(
      checkCases,
      continuationCheckCases,
      startCases,
      endCases,
      connectionCases,
      captureCases,
      restoreCases,
      failedStartCases,
      identityCases,
      leakCases,
    ),
  );
}
