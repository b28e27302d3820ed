import { BoxliteError, type Lease, type LeaseHolder, type LeaseStore, type ProcessIdentity } from '@boxlite/core';
import type { Connection, Row, Transaction } from './connection.js';
import { pause, throwIfAborted } from './retry-busy.js';

/** Who this process is, and how it sees the others. */
export interface LeaseSettings {
  readonly self: ProcessIdentity;
  readonly bootId: string;
  readonly isAlive: (identity: ProcessIdentity) => boolean;
}

/** The lease store of one connection, and the way to give back all it holds. */
export interface OwnedLeases extends LeaseStore {
  releaseAll(): Promise<void>;
}

interface LeaseRow extends LeaseHolder {
  readonly id: number;
  readonly entity: string;
  readonly purpose: string;
  readonly shared: boolean;
}

type Outcome =
  | { readonly kind: 'taken'; readonly id: number }
  | { readonly kind: 'held'; readonly by: readonly LeaseRow[] };

/**
 * Leases are rows; a row is void when its holder is of another boot or no longer runs, so that none needs to survive a power cut. They are
 * not re-entrant: the same process cannot take an exclusive lease twice.
 */
export function createLeaseStore(connection: Connection, settings: LeaseSettings): OwnedLeases {
  const owned = new Set<Lease>();
  /** Rows of released leases that a full disk did not let go: nobody holds them, and the next lease taken here deletes them. */
  const undeleted = new Set<number>();
  const isLiving = (row: LeaseRow): boolean =>
    row.bootId === settings.bootId && settings.isAlive(row) && !undeleted.has(row.id);

  const tryTake = (entity: string, purpose: string, shared: boolean, signal?: AbortSignal): Promise<Outcome> =>
    connection.write(`cannot take the lease on ${entity}`, (to) => take(to, entity, purpose, shared), {
      signal,
      durable: false,
    });

  const take = (to: Transaction, entity: string, purpose: string, shared: boolean): Outcome => {
    for (const id of undeleted) to.run('DELETE FROM lease WHERE id = ?', id);
    const rows = to.all('SELECT * FROM lease WHERE entity = ? ORDER BY id', entity).map(decodeLease);
    const living = rows.filter(isLiving);
    for (const row of rows) if (!living.includes(row)) to.run('DELETE FROM lease WHERE id = ?', row.id);
    const by = living.filter((row) => !shared || !row.shared);
    if (by.length > 0) return { kind: 'held', by };
    const { pid, startTime } = settings.self;
    const { insertedId } = to.run(
      `INSERT INTO lease (entity, purpose, shared, pid, start_time, boot_id, acquired_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      entity,
      purpose,
      shared ? 1 : 0,
      pid,
      startTime,
      settings.bootId,
      Date.now(),
    );
    return { kind: 'taken', id: insertedId };
  };

  const makeLease = (id: number, entity: string, purpose: string): Lease => {
    let released: Promise<void> | undefined;
    const drop = async (): Promise<void> => {
      // A closed store has released its leases already.
      if (connection.isOpen) {
        const remove = (to: Transaction): void => void to.run('DELETE FROM lease WHERE id = ?', id);
        try {
          await connection.write(`cannot release the lease on ${entity}`, remove, { durable: false });
        } catch (thrown) {
          // Whoever releases is done; often it is the full disk itself that ended what the lease was for.
          if (!BoxliteError.isInstance(thrown, 'disk_full')) throw thrown;
          undeleted.add(id);
        }
      }
      owned.delete(lease);
    };
    const release = (): Promise<void> => {
      released ??= drop().catch((thrown: unknown) => {
        released = undefined; // so that it can be tried again
        throw thrown;
      });
      return released;
    };
    const lease: Lease = { entity, purpose, release, [Symbol.asyncDispose]: release };
    owned.add(lease);
    return lease;
  };

  return {
    async acquire(entity, purpose, { shared = false, waitMs = 0, signal } = {}) {
      const deadline = performance.now() + waitMs;
      for (let attempt = 0; ; attempt += 1) {
        throwIfAborted(signal);
        const outcome = await tryTake(entity, purpose, shared, signal);
        if (outcome.kind === 'taken') return makeLease(outcome.id, entity, purpose);
        if (performance.now() >= deadline) throw held(entity, outcome.by);
        await pause(attempt, { signal });
      }
    },
    holders: (entity) =>
      connection.read(`cannot read the leases on ${entity}`, (from) =>
        from
          .all('SELECT * FROM lease WHERE entity = ? ORDER BY id', entity)
          .map(decodeLease)
          .filter(isLiving)
          .map(toHolder),
      ),
    list: (entityPrefix) =>
      connection.read('cannot list the leases', (from) =>
        from
          .all('SELECT * FROM lease WHERE substr(entity, 1, length(?)) = ? ORDER BY id', entityPrefix, entityPrefix)
          .map(decodeLease)
          .filter(isLiving)
          .map((row) => ({ ...toHolder(row), entity: row.entity })),
      ),
    async releaseAll() {
      for (const lease of [...owned]) await lease.release();
    },
  };
}

// STRICT tables: SQLite itself keeps the type of each column.
function decodeLease(row: Row): LeaseRow {
  return {
    id: Number(row.id),
    entity: String(row.entity),
    purpose: String(row.purpose),
    shared: row.shared !== 0,
    pid: Number(row.pid),
    startTime: Number(row.start_time),
    bootId: String(row.boot_id),
  };
}

function toHolder({ pid, startTime, bootId, purpose }: LeaseRow): LeaseHolder & { readonly purpose: string } {
  return { pid, startTime, bootId, purpose };
}

function held(entity: string, by: readonly LeaseRow[]): BoxliteError {
  const names = by.map((row) => `process ${row.pid} (${row.purpose})`).join(', ');
  return new BoxliteError('lease_held', `${entity} is in use by ${names}`, {
    hint: 'wait until it is done, or stop that process',
    details: { entity, holders: by.map(toHolder) },
  });
}
