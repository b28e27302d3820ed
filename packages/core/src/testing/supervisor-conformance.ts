import type { ConformanceCase } from './conformance-case.js';
import { defineCases, mergeCases } from './define-cases.js';
import { endingCases } from './supervisor/ending-cases.js';
import { launchCases } from './supervisor/launch-cases.js';
import { onSupervisorBench } from './supervisor/supervisor-bench.js';
import type { SupervisorSetup } from './supervisor/test-box.js';

/** What every {@link import('../contracts/supervisor.js').Supervisor} must do, shown with shell scripts in the place of a VMM. */
export function supervisorConformance(setup: SupervisorSetup): ConformanceCase[] {
  return defineCases(
    { contract: 'Supervisor', deadlineMs: setup.deadlineMs, around: (check) => onSupervisorBench(setup, check) },
    mergeCases(launchCases, endingCases),
  );
}
