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
export { type ProfileContext, type SeatbeltProfileOptions, seatbeltProfile } from './profile/seatbelt-profile.js';
export { createSeatbeltSandbox } from './seatbelt-sandbox.js';
export type { SeatbeltSandboxOptions } from './seatbelt-sandbox-options.js';
export { seatbeltSandboxPlugin } from './seatbelt-sandbox-plugin.js';
