import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BoxStateRecord, parseBoxId } from '@boxlite/core';
import Database from 'better-sqlite3';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { APPLICATION_ID, SCHEMA_VERSION } from '../src/index.js';
import { openDatabase } from '../src/open-database.js';
import { openTestStore } from './open-test-store.js';
import { temporaryDirectory } from './temporary-directory.js';

const isRoot = process.getuid?.() === 0;
const state: BoxStateRecord = { status: 'configured', updatedAt: 1 };
const config = (id: string, options = {}) => ({ id: parseBoxId(id), createdAt: 1, options });
const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8);
let file: string;

beforeEach(async () => {
  file = join(await temporaryDirectory(), 'db', 'boxlite.db');
});

/** Makes a database with other means. */
function makeDatabase(statements: string): void {
  mkdirSync(join(file, '..'), { recursive: true });
  const database = new Database(file);
  database.exec(statements);
  database.close();
}

describe('the database of a home', () => {
  it('has files of mode 0600 and a directory of mode 0700, whatever the umask', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const store = await openTestStore(file);
    await store.boxes.insert(config('box1'), state);
    const directory = join(file, '..');
    expect(mode(directory)).toBe('700');
    expect(readdirSync(directory).sort()).toEqual(['boxlite.db', 'boxlite.db-shm', 'boxlite.db-wal']);
    for (const name of readdirSync(directory)) expect(mode(join(directory, name)), name).toBe('600');
  });

  it('is closed to others when it was opened to them', async () => {
    await (await openTestStore(file)).close();
    chmodSync(file, 0o644);
    await openTestStore(file);
    expect(mode(file)).toBe('600');
  });

  it('is marked as ours, in WAL mode, with synchronous commits and enforced foreign keys', async () => {
    await (await openTestStore(file)).close();
    const database = await openDatabase({ file, busyTimeoutMs: 50, retryBoundMs: 1000 });
    expect(database.pragma('synchronous', { simple: true })).toBe(2); // FULL
    expect(database.pragma('foreign_keys', { simple: true })).toBe(1);
    expect(database.pragma('busy_timeout', { simple: true })).toBe(50);
    expect(database.pragma('application_id', { simple: true })).toBe(APPLICATION_ID);
    expect(database.pragma('user_version', { simple: true })).toBe(SCHEMA_VERSION);
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    database.close();
  });

  it('is migrated once by many that open it at the same time', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => openTestStore(file)));
    await Promise.all(stores.map(({ boxes }, index) => boxes.insert(config(`box${index}`), state)));
    expect(await stores[0]!.boxes.list()).toHaveLength(8);
  });
});

describe('a file that is not ours', () => {
  it('is database_foreign when it holds the tables of another program, and is not changed', async () => {
    makeDatabase('CREATE TABLE box_config (id TEXT)');
    chmodSync(file, 0o644);
    const before = readFileSync(file);
    await expect(openTestStore(file)).rejects.toMatchObject({
      code: 'database_foreign',
      hint: expect.stringContaining('BOXLITE_HOME'),
      details: { field: 'file', file },
    });
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(mode(file)).toBe('644');
  });

  it('is database_foreign when it carries another application id, tables or not', async () => {
    makeDatabase('PRAGMA application_id = 42');
    await expect(openTestStore(file)).rejects.toMatchObject({ code: 'database_foreign' });
  });

  it('is database_foreign when it is no SQLite database', async () => {
    mkdirSync(join(file, '..'));
    writeFileSync(file, 'not a database, but longer than a header. '.repeat(50));
    await expect(openTestStore(file)).rejects.toMatchObject({ code: 'database_foreign' });
  });

  it('is database_newer when a later version of BoxLite wrote it, and opens again once that is mended', async () => {
    await (await openTestStore(file)).close();
    makeDatabase(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    await expect(openTestStore(file)).rejects.toMatchObject({ code: 'database_newer' });
    makeDatabase(`PRAGMA user_version = ${SCHEMA_VERSION}`);
    await expect(openTestStore(file)).resolves.toBeDefined();
  });

  it('is a new database when it is empty', async () => {
    mkdirSync(join(file, '..'));
    writeFileSync(file, '');
    expect(await (await openTestStore(file)).boxes.list()).toEqual([]);
  });
});

describe('a damaged database', () => {
  async function fill(): Promise<void> {
    const store = await openTestStore(file);
    for (let index = 0; index < 50; index += 1) {
      await store.boxes.insert(config(`box${index}`, { text: 'x'.repeat(2000) }), state);
    }
    await store.close();
  }

  it('is a database_error with a remedy when its pages are overwritten', async () => {
    await fill();
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 4096);
    writeFileSync(file, bytes);
    const opened = openTestStore(file).then((store) => store.boxes.list());
    await expect(opened).rejects.toMatchObject({ code: 'database_error', hint: expect.stringContaining(file) });
  });

  it('is a database_error when it was cut', async () => {
    await fill();
    truncateSync(file, 8192);
    const opened = openTestStore(file).then((store) => store.boxes.list());
    await expect(opened).rejects.toMatchObject({ code: 'database_error' });
  });

  it('names table and id of a damaged row, and the others still come', async () => {
    const store = await openTestStore(file);
    for (const id of ['good', 'bad']) await store.boxes.insert(config(id), state);
    makeDatabase(`UPDATE box_state SET json = '{"status":"sleeping"}' WHERE id = 'bad'`);
    await expect(store.boxes.get(parseBoxId('bad'))).rejects.toMatchObject({
      code: 'database_error',
      details: { table: 'box_state', id: 'bad' },
    });
    expect((await store.boxes.get(parseBoxId('good')))?.state).toEqual(state);
    expect(await store.boxes.delete(parseBoxId('bad'))).toBe(true);
    expect(await store.boxes.list()).toHaveLength(1);
  });

  it.runIf(isRoot && process.platform === 'linux')(
    'is not what a full disk leaves: disk_full, and the rows before are whole',
    async () => {
      const directory = join(file, '..');
      mkdirSync(directory);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', directory]);
      onTestFinished(() => void execFileSync('umount', [directory]));
      const store = await openTestStore(file);
      let written = 0;
      const filling = async (): Promise<void> => {
        for (; written < 1000; written += 1) {
          await store.boxes.insert(config(`box${written}`, { text: 'x'.repeat(20_000) }), state);
        }
      };
      await expect(filling()).rejects.toMatchObject({ code: 'disk_full' });
      expect(await store.boxes.list()).toHaveLength(written);
      await store.close();
    },
  );
});

describe('a lock held by another program', () => {
  it('is waited for while the event loop goes on, then a database_error that says so', async () => {
    const store = await openTestStore(file, { lockWaitMs: 300 });
    const other = new Database(file);
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    let beats = 0;
    const beat = setInterval(() => {
      beats += 1;
    }, 1);
    await expect(store.boxes.insert(config('box1'), state)).rejects.toMatchObject({
      code: 'database_error',
      message: expect.stringContaining('locked'),
    });
    clearInterval(beat);
    // One block of the whole wait would leave no turn to anybody else.
    expect(beats).toBeGreaterThanOrEqual(3);
    other.exec('ROLLBACK');
    await store.boxes.insert(config('box1'), state);
  });

  it('is waited for before a change is computed, so that the change runs once for each commit', async () => {
    const store = await openTestStore(file);
    await store.boxes.insert(config('box1'), state);
    const other = new Database(file);
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    let runs = 0;
    const changing = store.boxes.update(parseBoxId('box1'), (before) => {
      runs += 1;
      return { ...before, exitCode: runs };
    });
    await expect(store.leases.acquire('home', 'x', { signal: AbortSignal.timeout(200) })).rejects.toMatchObject({
      code: 'aborted',
    });
    expect(runs).toBe(0);
    other.exec('ROLLBACK');
    expect((await changing).exitCode).toBe(1);
  });

  it('does not keep readers out', async () => {
    const store = await openTestStore(file);
    const other = new Database(file);
    onTestFinished(() => void other.close());
    other.exec('BEGIN IMMEDIATE');
    expect(await store.boxes.list()).toEqual([]);
    other.exec('ROLLBACK');
  });
});
