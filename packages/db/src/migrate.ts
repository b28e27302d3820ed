import { BoxliteError } from '@boxlite/core';
import type { Database } from 'better-sqlite3';
import { MIGRATIONS } from './migrations/index.js';
import type { Migration } from './migrations/migration.js';

/** The schema version a database is at; 0 for an empty one. */
export function schemaVersion(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/**
 * Brings the schema up to date, each step in one immediate transaction, so that a crash leaves it at a whole version and
 * several processes opening at once do each step once.
 * @throws BoxliteError `database_newer` when the database is of a later version of BoxLite
 */
export function migrate(database: Database, file: string, migrations: readonly Migration[] = MIGRATIONS): void {
  refuseNewer(database, file, migrations);
  for (const migration of migrations) {
    if (schemaVersion(database) >= migration.version) continue;
    database
      .transaction(() => {
        // Another process may have done it, or a later version of BoxLite more, while this one waited for the lock.
        refuseNewer(database, file, migrations);
        if (schemaVersion(database) >= migration.version) return;
        migration.up(database);
        database.pragma(`user_version = ${migration.version}`);
      })
      .immediate();
  }
}

function refuseNewer(database: Database, file: string, migrations: readonly Migration[]): void {
  const found = schemaVersion(database);
  if (found <= migrations.length) return;
  throw new BoxliteError(
    'database_newer',
    `the database ${file} has schema version ${found}; this version of BoxLite knows ${migrations.length}`,
    {
      hint: 'upgrade BoxLite, or set BOXLITE_HOME to another directory (the boxes of this home are not available there)',
      details: { field: 'file', file, found, known: migrations.length },
    },
  );
}
