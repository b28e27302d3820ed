export type { ConfinedRequest } from './confined-request.js';
export { type ConfinedOutcome, type RunConfinedOptions, runConfined } from './run-confined.js';
export {
  type ConfinedExit,
  type ConfinedProcess,
  type SpawnConfinedOptions,
  spawnConfined,
} from './spawn-confined.js';
export { SYSTEM_PATHS } from './system-paths.js';
