export type { SeatbeltSandboxOptions } from './seatbelt-sandbox-options.js';
