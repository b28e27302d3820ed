import { initial } from './0001-initial.js';
import type { Migration } from './migration.js';

/** Every migration, in order. Append only: what is released is never edited. */
export const MIGRATIONS: readonly Migration[] = [initial];

/** The schema this package reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;
