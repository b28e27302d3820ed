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
export {
  APPARMOR_LOAD_COMMAND,
  APPARMOR_PROFILE_FILE,
  apparmorProfile,
  apparmorProfileFor,
} from './apparmor-profile.js';
export { type BwrapArgumentOptions, bwrapArguments } from './bwrap-arguments.js';
export { type BwrapSandboxOptions, DEFAULT_TMP_SIZE_BYTES } from './bwrap-options.js';
export { createBwrapSandbox } from './bwrap-sandbox.js';
export { bwrapSandboxPlugin } from './bwrap-sandbox-plugin.js';
export { findBwrap } from './find-bwrap.js';
export { type Attempt, type Diagnosis, diagnoseUserNamespaces, type ReadText } from './user-namespace-diagnosis.js';
export { type ViewRule, viewRules } from './view-rules.js';
