import { BoxliteError, errnoOf, toBoxliteError } from '@boxlite/core';

/** True for the failures that pass when another connection finishes (https://www.sqlite.org/rescode.html). */
export function isBusy(thrown: unknown): boolean {
  const code = errnoOf(thrown) ?? '';
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED') || code === 'SQLITE_PROTOCOL';
}

/** True for an error of SQLite itself. */
export function isSqliteError(thrown: unknown): boolean {
  return errnoOf(thrown)?.startsWith('SQLITE_') === true;
}

/**
 * Turns what SQLite threw into a typed error. A BoxliteError passes through.
 * @param thrown the caught value
 * @param file the database, for the message
 * @param what what was being done
 */
export function databaseError(thrown: unknown, file: string, what: string): BoxliteError {
  if (BoxliteError.isInstance(thrown)) return thrown;
  const code = errnoOf(thrown) ?? '';
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const details = { file, sqlite: code };
  if (code === 'SQLITE_FULL') {
    return new BoxliteError('disk_full', `${what}: no space left for the database ${file}`, {
      hint: 'free space on the file system of the BoxLite home',
      cause: thrown,
      details,
    });
  }
  if (code === 'SQLITE_NOTADB') return foreignDatabase(file, 'is not an SQLite database', thrown);
  if (code.startsWith('SQLITE_CORRUPT')) {
    return new BoxliteError('database_error', `${what}: the database ${file} is damaged (${reason})`, {
      hint: `restore ${file} from a backup, or move it away to start empty; the files of the boxes stay where they are`,
      cause: thrown,
      details,
    });
  }
  if (['SQLITE_READONLY', 'SQLITE_CANTOPEN', 'SQLITE_PERM'].some((prefix) => code.startsWith(prefix))) {
    return new BoxliteError(
      'permission_denied',
      `${what}: the database ${file} cannot be opened for writing (${reason})`,
      {
        hint: 'check owner and mode of the file and its directory, and that the file system is not read-only',
        cause: thrown,
        details,
      },
    );
  }
  if (code === 'ERR_DLOPEN_FAILED') {
    return new BoxliteError(
      'database_error',
      `${what}: the SQLite binding does not load under Node ${process.version}`,
      {
        hint: 'install the packages again with the Node.js version they shall run under',
        cause: thrown,
        details,
      },
    );
  }
  if (isBusy(thrown)) {
    return new BoxliteError('database_error', `${what}: the database ${file} stayed locked by another process`, {
      hint: 'another program holds it open in a long transaction (an SQLite shell, a backup): let it finish and try again',
      cause: thrown,
      details,
    });
  }
  return toBoxliteError(thrown, 'database_error', `${what} (${file})`);
}

/** The error for a file that is another program's. */
export function foreignDatabase(file: string, why: string, cause?: unknown): BoxliteError {
  return new BoxliteError('database_foreign', `${file} ${why}: it is not the database of a BoxLite home`, {
    hint: 'set BOXLITE_HOME to another directory, or move the file away if nothing needs it',
    ...(cause === undefined ? {} : { cause }),
    details: { field: 'file', file },
  });
}
