import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError, type Lease } from '@boxlite/core';
import { openStateStore } from '@boxlite/db';
import { createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeSnapshotFiles, verifySnapshotContent } from './snapshot-files.js';
import { TEMPLATE_FORMAT, type TemplateParts, templateKey } from './template-key.js';
import { TemplateRechecker } from './template-rechecker.js';
import { TemplateStore } from './template-store.js';

const PARTS: TemplateParts = {
  vmm: 'fake',
  vmmKey: 'fake 1',
  kernel: `sha256:${'1'.repeat(64)}`,
  guestRootfs: 'abcdefgh.ext4',
  commandLine: ['init=/x'],
  cpus: 1,
  memoryMib: 128,
  disks: [{ format: 'qcow2', readOnly: false }],
};
const KEY = templateKey(PARTS);

let base: string;
let layout: HomeLayout;
let state: Awaited<ReturnType<typeof openStateStore>>;
let store: TemplateStore;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-templates-'));
  layout = createHomeLayout(join(base, 'home'), { linkRoot: base });
  await layout.prepare();
  state = await openStateStore({
    file: layout.databaseFile,
    bootId: 'boot',
    self: { pid: process.pid, startTime: 1 },
    isAlive: () => true,
  });
  store = new TemplateStore({ layout, leases: state.leases, report: (what) => expect.fail(what) });
});
afterEach(async () => {
  await state.close();
  rmSync(base, { recursive: true, force: true });
});

/** Installs a template with that much memory, of which one block is written. */
async function install(parts: TemplateParts = PARTS, bytes = 1024 * 1024): Promise<'installed' | 'exists'> {
  const { area, files } = await store.begin();
  try {
    writeFileSync(files.memory, 'memory', { mode: 0o600 });
    truncateSync(files.memory, bytes);
    writeFileSync(files.state, 'state', { mode: 0o600 });
    return await store.install(area, {
      ...{ format: TEMPLATE_FORMAT, key: templateKey(parts), createdAt: 1 },
      parts: { ...parts, commandLine: [...parts.commandLine], disks: [...parts.disks] },
      kernel: { version: '6.1', origin: 'a test' },
      files: await describeSnapshotFiles(files),
    });
  } finally {
    await area.remove();
  }
}

const file = (name: string) => join(layout.templatesDir, KEY, name);

describe('a template of a home', () => {
  it("is its owner's alone, directory 0700 and files 0600, and nothing is left in tmp", async () => {
    expect(await install()).toBe('installed');
    expect(statSync(join(layout.templatesDir, KEY)).mode & 0o7777).toBe(0o700);
    for (const name of ['memory', 'state', 'template.json'])
      expect(statSync(file(name)).mode & 0o7777, name).toBe(0o600);
    expect(readdirSync(layout.tmpDir)).toEqual([]);
  });

  it('is held while a machine starts from it: nobody removes it meanwhile', async () => {
    await install();
    const held = await store.hold(KEY);
    expect(held).toMatchObject({ key: KEY, files: { memory: file('memory'), state: file('state') } });
    await expect(store.remove(KEY)).rejects.toMatchObject({ code: 'lease_held' });
    await held?.release();
    expect(await store.remove(KEY)).toBe(true);
    expect(await store.hold(KEY)).toBeUndefined();
    expect(await store.remove(KEY)).toBe(false);
  });

  it('is not there for who comes while it is being removed', async () => {
    await install();
    const removing: Lease = await state.leases.acquire(`template:${KEY}`, 'remove');
    expect(await store.hold(KEY)).toBeUndefined();
    await removing.release();
  });

  it("is installed once: of two processes that made it one finds the other's", async () => {
    expect(await install()).toBe('installed');
    expect(await install()).toBe('exists');
    expect(readdirSync(layout.tmpDir)).toEqual([]);
    await (await store.hold(KEY))?.release();
  });

  it('remembers its last use, and the least recently used one is listed first', async () => {
    const other = { ...PARTS, cpus: 2 };
    await install();
    await install(other);
    for (const key of [KEY, templateKey(other)]) utimesSync(join(layout.templatesDir, key, 'template.json'), 1, 1);
    await (await store.hold(KEY))?.release();
    const listed = await store.list();
    expect(listed.map(({ key }) => key)).toEqual([templateKey(other), KEY]);
    expect(listed[1]?.lastUsedAt).toBeGreaterThan(1_000_000);
    expect(listed.map(({ problem }) => problem)).toEqual([undefined, undefined]);
  });

  it('takes the room of what was written, not of what the guest could have', async () => {
    await install(PARTS, 1024 ** 3);
    const [listed] = await store.list();
    expect(listed?.bytes).toBeLessThan(1024 * 1024);
  });
});

describe('a template that is not what it was', () => {
  const damages: [string, RegExp, () => void][] = [
    ['memory missing', /its memory is missing/, () => rmSync(file('memory'))],
    ['memory cut off', /its memory has 4096 bytes instead of 1048576/, () => truncateSync(file('memory'), 4096)],
    ['memory written to', /written to/, () => writeFileSync(file('memory'), 'M', { flag: 'r+' })],
    ['state missing', /its state is missing/, () => rmSync(file('state'))],
    ['state cut off', /its state has 2 bytes instead of 5/, () => truncateSync(file('state'), 2)],
    ['state changed', /its state has another content/, () => writeFileSync(file('state'), 'State')],
    ['state a directory', /its state is no regular file/, () => [rmSync(file('state')), mkdirSync(file('state'))]],
    [
      'record a directory',
      /its record is no regular file/,
      () => [rmSync(file('template.json')), mkdirSync(file('template.json'))],
    ],
    ['record of a terabyte', /its record is too large/, () => truncateSync(file('template.json'), 1024 ** 4)],
    ['record no JSON', /its record is not JSON/, () => writeFileSync(file('template.json'), '{')],
    ['record of another version', /another version of BoxLite/, () => rewrite({ format: 99 })],
    ['record of another template', /that of another template/, () => rewrite({ key: '0'.repeat(32) })],
    ['record without its files', /its record is damaged \(files\)/, () => rewrite({ files: undefined })],
  ];
  const rewrite = (change: object) => {
    const record = JSON.parse(readFileSync(file('template.json'), 'utf8'));
    writeFileSync(file('template.json'), JSON.stringify({ ...record, ...change }));
  };

  it.each(damages)('is noticed before a machine starts from it: %s', async (_what, message, damage) => {
    await install();
    damage();
    await expect(store.hold(KEY)).rejects.toMatchObject({
      code: 'snapshot_invalid',
      message: expect.stringMatching(message),
    });
    expect((await store.list())[0]?.problem).toMatch(message);
    // The failed attempt left no lease behind.
    expect(await store.remove(KEY)).toBe(true);
    expect(existsSync(join(layout.templatesDir, KEY))).toBe(false);
  });

  describe('in a process that has come to rest', () => {
    const logged: string[] = [];
    let lists = 0;
    const listing = () => {
      lists += 1;
      return store.list();
    };
    let rechecker: TemplateRechecker;
    const recheckerOver = (leases: Pick<typeof state.leases, 'acquire'> = state.leases) =>
      new TemplateRechecker(
        {
          templates: {
            store: { list: listing, discard: (key: string) => store.discard(key) },
            settings: { use: true, make: false },
          },
          store: { leases },
          log: ({ message }: { message: string }) => void logged.push(message),
        } as never,
        { quietMs: 1, afterMs: 60_000 },
      );
    const isMarked = () => existsSync(file('verified'));
    beforeEach(() => void logged.splice(0));
    afterEach(() => rechecker.end());

    it('is read whole after a week, which is no use of it, and is not read again for another', async () => {
      await install();
      utimesSync(file('template.json'), 1, 1);
      rechecker = recheckerOver();
      rechecker.busy();
      await expect.poll(isMarked, { timeout: 20_000 }).toBe(true);
      await rechecker.end();
      const [listed] = await store.list();
      expect(listed).toMatchObject({ lastUsedAt: 1000, problem: undefined });
      expect(statSync(file('verified')).mode & 0o7777).toBe(0o600);
      const { mtimeNs } = statSync(file('verified'), { bigint: true });
      const read: string[] = [];
      rechecker = recheckerOver({ acquire: async (entity) => Promise.reject(new Error(read.push(entity).toString())) });
      const before = lists;
      rechecker.busy();
      await expect.poll(() => lists, { timeout: 20_000 }).toBeGreaterThan(before);
      await rechecker.end();
      expect([read, statSync(file('verified'), { bigint: true }).mtimeNs]).toEqual([[], mtimeNs]);
    });

    it('whose bits have rotted is found, told of once and removed', async () => {
      await install();
      writeFileSync(file('memory'), 'M', { flag: 'r+' });
      const { ino, mtimeNs, ctimeNs } = statSync(file('memory'), { bigint: true });
      const identity = { ino: String(ino), mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
      const { files } = JSON.parse(readFileSync(file('template.json'), 'utf8'));
      rewrite({ files: { ...files, memory: { ...files.memory, identity } } });
      rechecker = recheckerOver();
      rechecker.busy();
      await expect.poll(() => existsSync(join(layout.templatesDir, KEY)), { timeout: 20_000 }).toBe(false);
      await rechecker.end();
      expect(logged).toEqual([
        expect.stringMatching(/is removed, and is made again: .*its memory has another content$/),
      ]);
    });

    it('is let alone as soon as somebody uses a box', async () => {
      await install();
      let looks = 0;
      rechecker = recheckerOver({
        acquire: async (...request) => {
          // The first time somebody comes.
          if (++looks === 1) rechecker.busy();
          return state.leases.acquire(...request);
        },
      });
      rechecker.busy();
      await expect.poll(() => looks, { timeout: 20_000 }).toBe(2);
      await rechecker.end();
      expect(logged).toEqual([]);
    });
  });

  it('is found out by a look at every byte when its times were set back', async () => {
    await install();
    const held = await store.hold(KEY);
    await held?.release();
    const expected = held?.record.files;
    if (expected === undefined || held === undefined) throw new Error('no template');
    writeFileSync(held.files.memory, 'M', { flag: 'r+' });
    const { ino, mtimeNs, ctimeNs } = statSync(held.files.memory, { bigint: true });
    const identity = { ino: String(ino), mtimeNs: String(mtimeNs), ctimeNs: String(ctimeNs) };
    const forged = { ...expected, memory: { ...expected.memory, identity } };
    await expect(verifySnapshotContent(held.files, forged)).rejects.toMatchObject({
      message: expect.stringContaining('its memory has another content'),
    });
  });

  it.skipIf(process.geteuid?.() === 0)('that cannot be read says so (not as root, who reads everything)', async () => {
    await install();
    chmodSync(file('memory'), 0);
    await expect(store.hold(KEY)).rejects.toSatisfy((thrown) => BoxliteError.isInstance(thrown, 'snapshot_invalid'));
  });
});

describe('the key of a template', () => {
  const others: [string, Partial<TemplateParts>][] = [
    ['VMM', { vmm: 'other' }],
    ['version of the VMM', { vmmKey: 'fake 2' }],
    ['kernel', { kernel: 'sha256:2' }],
    ['initial RAM disk', { initrd: '/initrd 1 2 3' }],
    ['guest rootfs', { guestRootfs: 'other.ext4' }],
    ['command line', { commandLine: ['init=/y'] }],
    ['number of processors', { cpus: 2 }],
    ['memory', { memoryMib: 256 }],
    ['format of the disk', { disks: [{ format: 'raw', readOnly: false }] }],
  ];
  it.each(others)('is another one for another %s', (_what, change) => {
    expect(templateKey({ ...PARTS, ...change })).not.toBe(KEY);
    expect(templateKey({ ...PARTS })).toBe(KEY);
  });
});
