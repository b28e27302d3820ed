import type { BackingGuard } from './backing-guard.js';
import type { Staging } from './install-disk.js';

/** What a store's settings come to. */
export interface DiskContext {
  readonly staging: Staging;
  /** Default: backing files may lie anywhere. */
  readonly guard: BackingGuard | undefined;
}
