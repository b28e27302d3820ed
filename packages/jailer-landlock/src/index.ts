export type { LandlockSandboxOptions } from './landlock-sandbox-options.js';
