import { existsSync } from 'node:fs';
import { link, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { BoxId, BoxRecord, BoxStateRecord, StateStore } from '@boxlite/core';
import { openStateStore } from '@boxlite/db';
import { createHomeLayout, currentBootId, isAlive, selfIdentity, stagingName } from '@boxlite/layout';
import { Boxlite } from '@boxlite/sdk';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leftoversOf } from '../support/leftovers.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { hostProcess } from './support/host-process.js';

/** The driver of package db, for files that no API of ours would write. */
const Database = createRequire(new URL('../../packages/db/package.json', import.meta.url))('better-sqlite3') as new (
  file: string,
) => { exec(sql: string): void; pragma(text: string): void; close(): void };

const EARLIER_BOOT = '11111111-2222-4333-8444-555555555555';
/** The pid record of a supervisor and VMM that live: this test. */
const self = selfIdentity();
const LIVING_RECORD = `supervisor ${self.pid} ${self.startTime}\nvmm ${self.pid} ${self.startTime}\n`;
const DEAD_RECORD = `supervisor ${self.pid} 1\nvmm ${self.pid} 1\n`;

let temporary: TemporaryHome;
let home: string;

beforeEach(async () => {
  temporary = await temporaryHome();
  home = temporary.home;
});
afterEach(() => temporary.remove());

const layout = () => createHomeLayout(home);
const inBox = (id: string, name: string) => join(home, 'boxes', id, name);

async function inStore<T>(use: (store: StateStore) => Promise<T>): Promise<T> {
  await layout().prepare();
  await using store = await openStateStore({
    file: layout().databaseFile,
    bootId: currentBootId(),
    self,
    isAlive,
  });
  return await use(store);
}

interface Planted {
  readonly options?: Record<string, unknown>;
  readonly state?: Partial<BoxStateRecord>;
  readonly files?: Record<string, string>;
}

/** Records a box as a process that died may have left it. */
async function plant(id: string, { options = {}, state = {}, files = {} }: Planted = {}): Promise<void> {
  const record: BoxRecord = {
    config: { id: id as BoxId, createdAt: Date.now(), options },
    state: { status: 'stopped', updatedAt: 1, ...state },
  };
  await inStore(async (store) => {
    if ((await store.bootId()) === undefined) await store.exchangeBootId(currentBootId());
    await store.boxes.insert(record.config, record.state);
  });
  await mkdir(inBox(id, 'control'), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(inBox(id, name), text);
}

const RUNNING: Partial<BoxStateRecord> = { status: 'running', vmm: self };

/** Opens the home as the next process does. */
async function opened<T>(use: (boxlite: Boxlite, log: readonly string[]) => Promise<T>): Promise<T> {
  const log: string[] = [];
  await using boxlite = await Boxlite.open({ homeDir: home, log: ({ message }) => void log.push(message) });
  return await use(boxlite, log);
}

const info = (id: string) => opened(async (boxlite) => (await boxlite.list()).find((box) => box.id === id));

describe('after a reboot of the host', () => {
  const reboot = () => inStore((store) => store.exchangeBootId(EARLIER_BOOT));

  it('boxes that ran are stopped, though their pids and start times belong to somebody again', async () => {
    await plant('rebootedBox1', { state: RUNNING, files: { 'shim.pid': LIVING_RECORD } });
    await plant('stoppingBox1', { state: { ...RUNNING, status: 'stopping' }, files: { 'shim.pid': LIVING_RECORD } });
    await plant('pausedBox111', { state: { ...RUNNING, status: 'paused' }, files: { 'shim.pid': LIVING_RECORD } });
    await reboot();
    await opened(async (boxlite) => {
      expect((await boxlite.list()).map(({ status, pid }) => ({ status, pid }))).toEqual(
        Array.from({ length: 3 }, () => ({ status: 'stopped', pid: null })),
      );
    });
    expect(existsSync(inBox('rebootedBox1', 'shim.pid'))).toBe(false);
  });

  it('a box that had crashed before is failed with the reason, whatever is wrong with others', async () => {
    const exit = JSON.stringify({ kind: 'Panic', message: 'Kernel panic - not syncing', stderrTail: '' });
    await plant('damagedBox11');
    await rm(join(home, 'boxes', 'damagedBox11'), { recursive: true });
    await writeFile(join(home, 'boxes', 'damagedBox11'), 'no directory');
    await plant('crashedBox11', { state: RUNNING, files: { 'shim.pid': LIVING_RECORD, exit } });
    await reboot();
    expect(await info('crashedBox11')).toMatchObject({ status: 'failed', errorReason: 'Kernel panic - not syncing' });
  });

  it('a recovery that is killed before it is through is done again by the next process', async () => {
    for (const id of ['rebootedBox1', 'rebootedBox2']) {
      await plant(id, { state: RUNNING, files: { 'shim.pid': LIVING_RECORD } });
    }
    await reboot();
    await using first = await hostProcess(home, { call: 'rm', path: 'rebootedBox1/shim\\.pid' });
    await first.frozen();
    await first.kill();
    expect(await inStore(async (store) => (await store.boxes.list()).map(({ state }) => state.status))).toEqual([
      'stopped',
      'running',
    ]);
    await opened(async (boxlite) => {
      expect((await boxlite.list()).map(({ status }) => status)).toEqual(['stopped', 'stopped']);
    });
    expect(await inStore((store) => store.bootId())).toBe(currentBootId());
  });

  it('processes that open the home at once wait for the one that puts it right', async () => {
    for (const id of ['rebootedBox1', 'rebootedBox2', 'rebootedBox3']) {
      await plant(id, { state: RUNNING, files: { 'shim.pid': LIVING_RECORD } });
    }
    await reboot();
    const statuses = await Promise.all(
      [1, 2, 3].map(() => opened(async (boxlite) => (await boxlite.list()).map(({ status }) => status))),
    );
    expect(statuses.flat()).toEqual(Array.from({ length: 9 }, () => 'stopped'));
  });
});

describe('a box whose processes are gone', () => {
  it('is failed when its supervisor was killed, which leaves its record behind', async () => {
    await plant('killedBox111', { state: RUNNING, files: { 'shim.pid': DEAD_RECORD } });
    expect(await info('killedBox111')).toMatchObject({
      status: 'failed',
      errorReason: expect.stringContaining('the supervisor was lost'),
    });
  });

  it('is stopped when its supervisor ended in order, or was asked to', async () => {
    await plant('endedBox1111', { state: RUNNING });
    await plant('askedBox1111', { state: { ...RUNNING, status: 'stopping' }, files: { 'shim.pid': DEAD_RECORD } });
    expect(await info('endedBox1111')).toMatchObject({ status: 'stopped', errorReason: null });
    expect(await info('askedBox1111')).toMatchObject({ status: 'stopped', errorReason: null });
  });
});

describe('hostile and damaged files of a box', () => {
  const hostile: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
    rubbish: (path) => writeFile(path, 'supervisor -1 0x10\nvmm ; rm -rf /\n'),
    binary: (path) => writeFile(path, Buffer.alloc(4096, 0xff)),
    'a huge file': (path) => writeFile(path, Buffer.alloc(8 * 1024 * 1024, 'x')),
    'a symbolic link': (path) => symlink('/proc/self/environ', path),
    'a hard link': async (path) => {
      await writeFile(`${path}.other`, LIVING_RECORD);
      await link(`${path}.other`, path);
    },
    'a directory': (path) => mkdir(path),
    nothing: (path) => writeFile(path, ''),
  };

  it.each(Object.keys(hostile))(
    'a shim.pid that is %s counts as none: the box is dead, and can be removed',
    async (kind) => {
      await plant('hostileBox11', { state: RUNNING });
      await hostile[kind]?.(inBox('hostileBox11', 'shim.pid'));
      await opened(async (boxlite) => {
        expect((await boxlite.list()).map(({ status }) => status)).toEqual(['stopped']);
        await boxlite.remove('hostileBox11');
      });
      expect(await readdir(join(home, 'boxes'))).toEqual([]);
    },
  );

  it.each(Object.keys(hostile).filter((kind) => kind !== 'nothing'))(
    'an exit record that is %s is a crash without a message',
    async (kind) => {
      await plant('hostileBox11', { state: RUNNING });
      await hostile[kind]?.(inBox('hostileBox11', 'exit'));
      expect(await info('hostileBox11')).toMatchObject({
        status: 'failed',
        errorReason: 'the box crashed and left an unreadable record',
      });
    },
  );

  it('the message of an exit record cannot write to a terminal', async () => {
    const exit = JSON.stringify({ kind: 'Error', code: 1, message: 'no \u001b[2Jdisk', stderrTail: '' });
    await plant('hostileBox11', { state: RUNNING, files: { exit } });
    expect((await info('hostileBox11'))?.errorReason).toBe('no \\x1b[2Jdisk');
  });

  it('a pid record that names a process which is no supervisor kills nobody', async () => {
    await plant('forgedBox111', { files: { 'shim.pid': LIVING_RECORD } });
    await opened(async (boxlite, log) => {
      expect(log).toContain('recovery: box forgedBox111 failed');
      await expect(boxlite.remove('forgedBox111')).rejects.toMatchObject({
        code: 'vmm_failed',
        hint: expect.stringContaining('remove the file'),
      });
    });
    await rm(inBox('forgedBox111', 'shim.pid'));
    await opened((boxlite) => boxlite.remove('forgedBox111'));
  });

  it('one damaged box does not keep the home from being opened, nor the others from being listed', async () => {
    await plant('soundBox1111');
    await plant('strangeBox11', { state: RUNNING });
    await rm(join(home, 'boxes', 'strangeBox11'), { recursive: true });
    await writeFile(join(home, 'boxes', 'strangeBox11'), 'no directory');
    await opened(async (boxlite) => {
      expect((await boxlite.list()).map(({ id, status }) => [id, status])).toEqual([
        ['soundBox1111', 'stopped'],
        ['strangeBox11', 'failed'],
      ]);
    });
  });
});

describe('what nobody owns any more', () => {
  it('directories of boxes without a record are removed with their links; other names stay', async () => {
    await layout().prepare();
    await layout()
      .box('orphanBox111' as BoxId)
      .prepare();
    expect(leftoversOf(home).links.length).toBeGreaterThan(0);
    await mkdir(join(home, 'boxes', 'not a box'));
    await writeFile(join(home, 'boxes', 'notes.txt'), 'mine');
    await plant('knownBox1111');
    await opened(async () => undefined);
    expect((await readdir(join(home, 'boxes'))).sort()).toEqual(['knownBox1111', 'not a box', 'notes.txt']);
    expect(leftoversOf(home).links).toEqual([]);
  });

  it('staging of processes that are gone is swept, that of living ones stays', async () => {
    await layout().prepare();
    const mine = stagingName();
    const theirs = stagingName({ ...self, startTime: 1, bootId: currentBootId() });
    for (const name of [mine, theirs]) await mkdir(join(home, 'tmp', name));
    await opened(async () => undefined);
    expect(await readdir(join(home, 'tmp'))).toEqual([mine]);
  });

  it('boxes that remove themselves are removed when their host is gone: dead, stopped, failed, or never started', async () => {
    const options = { autoRemove: true };
    await plant('deadBox11111', { options, state: RUNNING });
    await plant('stoppedBox11', { options });
    await plant('createdBox11', { options, state: { status: 'configured' } });
    await plant('failedBox111', { options, state: { status: 'failed', errorReason: 'no kernel' } });
    await plant('keptBox11111', { state: RUNNING });
    await opened(async (boxlite) => {
      expect((await boxlite.list()).map(({ id }) => id)).toEqual(['keptBox11111']);
    });
    expect(await readdir(join(home, 'boxes'))).toEqual(['keptBox11111']);
  });

  it('a box that removes itself and was not started yet stays as long as its creator has the home open', async () => {
    await opened(async (creator) => {
      const box = await creator.create({ autoRemove: true });
      expect(await info(box.id)).toMatchObject({ status: 'configured' });
    });
    await opened(async (boxlite) => expect(await boxlite.list()).toEqual([]));
  });

  it('guest rootfs disks are collected when the home is opened: those without a record, and of other agents', async () => {
    await layout().prepare();
    await plant('holderBox111');
    const disk = async (id: string, name: string) => {
      const basePath = join(home, 'bases', `${id}.ext4`);
      await writeFile(basePath, 'disk');
      await inStore((store) =>
        store.baseDisks.insert({
          id: id as never,
          sourceBoxId: '__global__',
          name,
          kind: 'rootfs',
          basePath,
          containerDiskBytes: 0,
          sizeBytes: 4,
          createdAt: 1,
        }),
      );
    };
    await disk('oldAgent', `${'0'.repeat(12)}-${'a'.repeat(12)}`);
    await disk('inUse111', `${'0'.repeat(12)}-${'b'.repeat(12)}`);
    await inStore((store) => store.baseDisks.addReference('inUse111' as never, 'holderBox111' as BoxId));
    await writeFile(join(home, 'bases', 'crashed1.ext4'), 'disk');
    // Somebody else is at it: left to them, and the home opens all the same.
    await inStore(async (store) => {
      await store.leases.acquire('home', 'gc');
      await opened(async () => undefined);
    });
    expect(await readdir(join(home, 'bases'))).toHaveLength(3);
    await opened(async () => undefined);
    expect(await readdir(join(home, 'bases'))).toEqual(['inUse111.ext4']);
    expect(await inStore(async (store) => (await store.baseDisks.list()).map(({ id }) => id))).toEqual(['inUse111']);
  });
});

describe('a database that is not ours to open', () => {
  it('of a newer version is refused with both remedies, and untouched', async () => {
    await opened(async () => undefined);
    const file = layout().databaseFile;
    const database = new Database(file);
    database.pragma('user_version = 9999');
    database.close();
    const before = await readFile(file);
    await expect(Boxlite.open({ homeDir: home })).rejects.toMatchObject({
      code: 'database_newer',
      hint: expect.stringMatching(/upgrade.*BOXLITE_HOME|BOXLITE_HOME.*upgrade/is),
    });
    expect(Buffer.compare(await readFile(file), before)).toBe(0);
  });

  it('of another program is refused, and untouched', async () => {
    await layout().prepare();
    const file = layout().databaseFile;
    const database = new Database(file);
    database.exec('CREATE TABLE songs (title TEXT)');
    database.close();
    const before = await readFile(file);
    await expect(Boxlite.open({ homeDir: home })).rejects.toMatchObject({ code: 'database_foreign' });
    expect(Buffer.compare(await readFile(file), before)).toBe(0);
  });

  it('that is damaged is refused, and the next try after a repair works', async () => {
    await opened(async () => undefined);
    const file = layout().databaseFile;
    const sound = await readFile(file);
    for (const suffix of ['-wal', '-shm']) await rm(`${file}${suffix}`, { force: true });
    await writeFile(file, Buffer.alloc(8192, 'x'));
    await expect(Boxlite.open({ homeDir: home })).rejects.toMatchObject({ code: expect.stringMatching(/^database_/) });
    await writeFile(file, sound);
    await opened(async (boxlite) => expect(await boxlite.list()).toEqual([]));
  });
});
