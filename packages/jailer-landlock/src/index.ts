// A command needs no SDK and no supervisor to be confined.
export {
  type ConfinedExit,
  type ConfinedOutcome,
  type ConfinedProcess,
  type ConfinedRequest,
  type RunConfinedOptions,
  runConfined,
  type SpawnConfinedOptions,
  SYSTEM_PATHS,
  spawnConfined,
} from '@boxlite/core/spawn';
export { LANDLOCK_EXIT_STATUSES, type LandlockStep } from './landlock-exit-statuses.js';
export { landlockRules } from './landlock-rules.js';
export { createLandlockSandbox } from './landlock-sandbox.js';
export type { LandlockSandboxOptions } from './landlock-sandbox-options.js';
export { landlockSandboxPlugin } from './landlock-sandbox-plugin.js';
