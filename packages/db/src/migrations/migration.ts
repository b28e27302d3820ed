import type { Database } from 'better-sqlite3';

/** One step of the schema. Runs inside a transaction of its own that also sets `user_version`. */
export interface Migration {
  /** 1, 2, 3, … without gaps; becomes `PRAGMA user_version`. */
  readonly version: number;
  readonly name: string;
  up(database: Database): void;
}
