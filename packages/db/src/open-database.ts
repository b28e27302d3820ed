import { constants } from 'node:fs';
import { chmod, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, toBoxliteError } from '@boxlite/core';
import Database from 'better-sqlite3';
import { APPLICATION_ID } from './application-id.js';
import { databaseError, foreignDatabase } from './database-error.js';
import { migrate } from './migrate.js';
import { retryBusy } from './retry-busy.js';

/** How a database is opened. */
export interface OpenDatabaseOptions {
  readonly file: string;
  /** How long one call may block the event loop for a lock, milliseconds. */
  readonly busyTimeoutMs: number;
  /** How long a lock is waited for altogether, milliseconds. */
  readonly retryBoundMs: number;
}

const PRIVATE_FILE_MODE = 0o600;
const PRIVATE_DIRECTORY_MODE = 0o700;

/**
 * Opens a home's database: makes file and directory private, refuses what is not ours before writing a byte of it, migrates.
 * @throws BoxliteError `database_foreign`, `database_newer`, `database_error`, `permission_denied`, `disk_full`
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database.Database> {
  const { file } = options;
  await makePrivateFile(file);
  let database: Database.Database | undefined;
  try {
    const opened = new Database(file, { timeout: options.busyTimeoutMs });
    database = opened;
    await retryBusy(() => configure(opened, file), { boundMs: options.retryBoundMs });
    await restrictFiles(file);
    return opened;
  } catch (thrown) {
    database?.close();
    throw databaseError(thrown, file, 'cannot open the database');
  }
}

function configure(database: Database.Database, file: string): void {
  refuseForeign(database, file);
  // WAL: readers do not wait for the writer. FULL: a commit survives a power cut, because files on disk rely on rows.
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('foreign_keys = ON');
  migrate(database, file);
}

function refuseForeign(database: Database.Database, file: string): void {
  const applicationId = Number(database.pragma('application_id', { simple: true }));
  if (applicationId === APPLICATION_ID) return;
  if (applicationId !== 0) {
    throw foreignDatabase(file, `belongs to another program (application id 0x${(applicationId >>> 0).toString(16)})`);
  }
  const tables = database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
  // A process that opens at the same time may have committed its first migration between the two reads.
  const now = Number(database.pragma('application_id', { simple: true }));
  if (tables !== 0 && now !== APPLICATION_ID) throw foreignDatabase(file, 'holds the tables of another program');
}

/** SQLite gives its `-wal` and `-shm` files the mode of the database, so that is made private before they exist. */
async function makePrivateFile(file: string): Promise<void> {
  const directory = dirname(file);
  try {
    const made = await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    if (made !== undefined) await chmod(directory, PRIVATE_DIRECTORY_MODE);
    const handle = await open(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, PRIVATE_FILE_MODE);
    try {
      await handle.chmod(PRIVATE_FILE_MODE);
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    // An existing file is restricted once it is known to be ours.
    if (errnoOf(thrown) !== 'EEXIST')
      throw toBoxliteError(thrown, 'database_error', `cannot make the database ${file}`);
  }
}

async function restrictFiles(file: string): Promise<void> {
  for (const path of [file, `${file}-wal`, `${file}-shm`]) {
    try {
      await chmod(path, PRIVATE_FILE_MODE);
    } catch (thrown) {
      // The two others come and go with the connections.
      if (path === file || errnoOf(thrown) !== 'ENOENT') throw thrown;
    }
  }
}
