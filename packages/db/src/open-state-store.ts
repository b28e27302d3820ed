import type { ProcessIdentity, StateStore } from '@boxlite/core';
import { createBaseDiskStore } from './base-disk-store.js';
import { createBoxStore } from './box-store.js';
import { Connection } from './connection.js';
import { exchangeBootId, recordedBootId } from './exchange-boot-id.js';
import { createImageStore } from './image-store.js';
import { createLeaseStore } from './lease-store.js';
import { openDatabase } from './open-database.js';
import { createSnapshotStore } from './snapshot-store.js';

/** What {@link openStateStore} needs. Identities come in, so that this package reads no `/proc`. */
export interface StateStoreOptions {
  /** Absolute path of the database; it and its directory are made, 0600 and 0700, when missing. */
  readonly file: string;
  /** The current boot of the host. */
  readonly bootId: string;
  /** This process, as the holder of its leases. */
  readonly self: ProcessIdentity;
  /** True while exactly this process runs. Called inside transactions, so it must be quick. */
  readonly isAlive: (identity: ProcessIdentity) => boolean;
  /** How long one call may block the event loop for another process's lock, milliseconds. Default 50, at most 250. */
  readonly busyTimeoutMs?: number;
  /** How long a call waits for such a lock altogether, milliseconds, without blocking. Default 15 000. */
  readonly lockWaitMs?: number;
}

const DEFAULT_BUSY_TIMEOUT_MS = 50;
/** better-sqlite3 is synchronous: a longer one would freeze every box of the process. */
const MAX_BUSY_TIMEOUT_MS = 250;
const DEFAULT_LOCK_WAIT_MS = 15_000;

/**
 * Opens the state of a home, creating or migrating it.
 * @throws BoxliteError `database_foreign` (another program's file), `database_newer` (a later version's), `database_error` (damaged, or
 *   locked for longer than `lockWaitMs`), `permission_denied`, `disk_full`
 */
export async function openStateStore(options: StateStoreOptions): Promise<StateStore> {
  const { file } = options;
  const busyTimeoutMs = Math.min(options.busyTimeoutMs ?? DEFAULT_BUSY_TIMEOUT_MS, MAX_BUSY_TIMEOUT_MS);
  const lockWaitMs = options.lockWaitMs ?? DEFAULT_LOCK_WAIT_MS;
  const connection = new Connection(
    await openDatabase({ file, busyTimeoutMs, retryBoundMs: lockWaitMs }),
    file,
    lockWaitMs,
  );
  const leases = createLeaseStore(connection, options);
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= leases.releaseAll().finally(() => connection.close());
    return closed;
  };
  const { acquire, holders, list } = leases;
  return {
    boxes: createBoxStore(connection),
    images: createImageStore(connection),
    baseDisks: createBaseDiskStore(connection),
    snapshots: createSnapshotStore(connection),
    leases: { acquire, holders, list },
    bootId: () => recordedBootId(connection),
    exchangeBootId: (current) => exchangeBootId(connection, current),
    close,
    [Symbol.asyncDispose]: close,
  };
}
