import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { APPLICATION_ID } from './application-id.js';
import { migrate, schemaVersion } from './migrate.js';
import { MIGRATIONS, SCHEMA_VERSION } from './migrations/index.js';
import type { Migration } from './migrations/migration.js';

const step = (version: number, sql: string): Migration => ({
  version,
  name: `step ${version}`,
  up: (to) => void to.exec(sql),
});
const tables = (database: Database.Database): unknown[] =>
  database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all();

describe('migrations', () => {
  it('are numbered without gaps', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  it('bring an empty database to the newest schema and mark it as ours', () => {
    const database = new Database(':memory:');
    migrate(database, ':memory:');
    expect(schemaVersion(database)).toBe(SCHEMA_VERSION);
    expect(database.pragma('application_id', { simple: true })).toBe(APPLICATION_ID);
    expect(tables(database).filter((name) => !String(name).startsWith('sqlite_'))).toEqual([
      'alive',
      'base_disk',
      'base_disk_ref',
      'box_config',
      'box_state',
      'image_index',
      'lease',
      'snapshot',
    ]);
  });

  it('are each done once, from where the database is', () => {
    const database = new Database(':memory:');
    const first = step(1, 'CREATE TABLE one (x)');
    migrate(database, ':memory:', [first]);
    migrate(database, ':memory:', [first, step(2, 'CREATE TABLE two (x)')]);
    migrate(database, ':memory:', [first, step(2, 'CREATE TABLE two (x)')]);
    expect(tables(database)).toEqual(['one', 'two']);
    expect(schemaVersion(database)).toBe(2);
  });

  it('leave a whole version behind when one fails half-way', () => {
    const database = new Database(':memory:');
    const steps = [step(1, 'CREATE TABLE one (x)'), step(2, 'CREATE TABLE two (x); CREATE TABLE one (x)')];
    expect(() => migrate(database, ':memory:', steps)).toThrow('already exists');
    expect(tables(database)).toEqual(['one']);
    expect(schemaVersion(database)).toBe(1);
  });

  it('refuse a database of a later version, with both remedies', () => {
    const database = new Database(':memory:');
    migrate(database, ':memory:');
    database.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    expect(() => migrate(database, ':memory:')).toThrow(
      expect.objectContaining({
        code: 'database_newer',
        hint: expect.stringMatching(/upgrade.*BOXLITE_HOME/),
        details: expect.objectContaining({ found: SCHEMA_VERSION + 1, known: SCHEMA_VERSION }),
      }),
    );
  });
});
