import type { ConformanceCase } from './conformance-case.js';
import { defineCases, mergeCases } from './define-cases.js';
import { commandCases } from './sandbox/command-cases.js';
import { pathCases } from './sandbox/path-cases.js';
import { type SandboxConformanceSetup, sandboxBench } from './sandbox/sandbox-bench.js';

/** What every {@link import('../contracts/sandbox.js').Sandbox} must do, shown by commands that really run. */
export function sandboxConformance(setup: SandboxConformanceSetup): ConformanceCase[] {
  return defineCases(
    { contract: 'Sandbox', deadlineMs: setup.deadlineMs, around: (check) => check(sandboxBench(setup)) },
    mergeCases(pathCases, commandCases),
  );
}
