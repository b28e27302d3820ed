import { once } from 'node:events';
import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  type BoxLayout,
  createHomeLayout,
  ensureSocketLinks,
  socketLinkParent,
  socketLinkStatus,
  sweepSocketLinks,
} from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

const isRoot = process.getuid?.() === 0;
const uid = process.getuid?.() ?? 0;
let base: string;
let box: BoxLayout;

async function boxOf(homeName: string, id = 'abc'): Promise<BoxLayout> {
  const home = createHomeLayout(join(base, homeName), { linkRoot: base });
  await home.prepare();
  return home.box(id);
}

beforeEach(async () => {
  base = await temporaryDirectory();
  box = await boxOf('home');
  await box.prepare();
});

describe('short socket links', () => {
  it('lead to the sockets directory: a socket bound through the link is dialled through it, however deep the home', async () => {
    const deep = createHomeLayout(join(base, 'x'.repeat(120), 'y'.repeat(120)));
    await deep.prepare();
    const deepBox = deep.box(`test${process.pid}`);
    await deepBox.prepare();
    onTestFinished(() => deepBox.cleanup());
    for (const path of [deepBox.agentSocket, deepBox.apiSocket]) {
      const server = createServer((socket) => socket.end('hello')).listen(path);
      await once(server, 'listening');
      const client = createConnection(path);
      const [data] = (await once(client, 'data')) as [Buffer];
      expect(data.toString()).toBe('hello');
      client.destroy();
      server.close();
      await once(server, 'close');
    }
    expect(readdirSync(deepBox.dir).sort()).toContain('control');
  });

  it('are made again after somebody cleaned /tmp', async () => {
    rmSync(dirname(box.socketLink), { recursive: true });
    await ensureSocketLinks(box);
    expect(readlinkSync(box.socketLink)).toBe(box.socketsDir);
  });

  it('are replaced when stale: their target is gone', async () => {
    unlinkSync(box.socketLink);
    symlinkSync(join(base, 'gone'), box.socketLink);
    expect(await socketLinkStatus(box.socketLink, box.socketsDir)).toEqual({
      kind: 'stale',
      target: join(base, 'gone'),
    });
    await ensureSocketLinks(box);
    expect(await socketLinkStatus(box.socketLink, box.socketsDir)).toEqual({ kind: 'ok' });
    expect(readdirSync(dirname(box.socketLink)).sort()).toEqual(['abc', 'abc.control']);
  });

  it('are never replaced when their target exists elsewhere: two homes with the same id are an error', async () => {
    const other = await boxOf('other');
    await expect(other.prepare()).rejects.toMatchObject({
      code: 'already_exists',
      details: { target: box.socketsDir },
    });
    expect(readlinkSync(box.socketLink)).toBe(box.socketsDir);
  });

  it('are free again once the other home’s box is cleaned up', async () => {
    const other = await boxOf('other');
    await box.cleanup();
    await other.prepare();
    expect(readlinkSync(other.socketLink)).toBe(other.socketsDir);
  });

  it('are the same link for one home under two names', async () => {
    symlinkSync(join(base, 'home'), join(base, 'alias'));
    const alias = await boxOf('alias');
    await expect(alias.prepare()).resolves.toEqual([]);
  });

  it('never replace a file that is no link', async () => {
    unlinkSync(box.socketLink);
    writeFileSync(box.socketLink, 'mine');
    await expect(ensureSocketLinks(box)).rejects.toMatchObject({ code: 'already_exists' });
  });

  it('lie in a directory that is closed to others before it is used', async () => {
    const parent = dirname(box.socketLink);
    expect(lstatSync(parent).mode & 0o7777).toBe(0o700);
    expect(parent).toBe(socketLinkParent(uid, base));
  });

  it.runIf(isRoot)('are not made in a directory of somebody else', async () => {
    chownSync(dirname(box.socketLink), 65534, 65534);
    await expect(ensureSocketLinks(box)).rejects.toMatchObject({ code: 'permission_denied' });
  });

  it('are not made through a symbolic link in the place of their directory', async () => {
    const parent = dirname(box.socketLink);
    rmSync(parent, { recursive: true });
    mkdirSync(join(base, 'trap'));
    symlinkSync(join(base, 'trap'), parent);
    await expect(ensureSocketLinks(box)).rejects.toMatchObject({ code: 'storage_error' });
    expect(readdirSync(join(base, 'trap'))).toEqual([]);
  });

  it('survive many callers at once on a stale link: one right link, nothing left over', async () => {
    unlinkSync(box.socketLink);
    symlinkSync(join(base, 'gone'), box.socketLink);
    await Promise.all(Array.from({ length: 32 }, () => ensureSocketLinks(box)));
    expect(readlinkSync(box.socketLink)).toBe(box.socketsDir);
    expect(readdirSync(dirname(box.socketLink)).sort()).toEqual(['abc', 'abc.control']);
  });

  it('go in a sweep when their target is gone, and stay otherwise', async () => {
    const dead = await boxOf('home', 'dead');
    await dead.prepare();
    rmSync(dead.dir, { recursive: true });
    const swept = await sweepSocketLinks(dirname(box.socketLink), uid);
    expect([...swept].sort()).toEqual([dead.socketLink, dead.controlLink]);
    expect(readdirSync(dirname(box.socketLink)).sort()).toEqual(['abc', 'abc.control']);
    expect(await sweepSocketLinks(join(base, 'bl-none'), uid)).toEqual([]);
  });
});
