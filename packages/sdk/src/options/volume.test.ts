import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkVolumes } from './volume.js';

const isRoot = process.getuid?.() === 0;
let base: string;

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'boxlite-volume-')));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const allowAll = () => undefined;
const request = (hostPath: string) => ({ hostPath, guestPath: '/data', readOnly: false });

describe('volumes', () => {
  it('are tagged uservol<i> in the order of the options, under their canonical path', async () => {
    mkdirSync(join(base, 'a'));
    symlinkSync(join(base, 'a'), join(base, 'link'));
    const checked = await checkVolumes([request(join(base, 'a')), request(join(base, 'link'))], allowAll);
    expect(checked.map(({ tag, hostPath }) => ({ tag, hostPath }))).toEqual([
      { tag: 'uservol0', hostPath: join(base, 'a') },
      { tag: 'uservol1', hostPath: join(base, 'a') },
    ]);
  });

  it('may be a directory or a single file, which is a volume of its own kind', async () => {
    mkdirSync(join(base, 'a'));
    writeFileSync(join(base, 'b'), '');
    const checked = await checkVolumes([request(join(base, 'a')), request(join(base, 'b'))], allowAll);
    expect(checked.map(({ kind }) => kind)).toEqual(['directory', 'file']);
  });

  it.runIf(isRoot)("carry their owner's uid and gid", async () => {
    mkdirSync(join(base, 'a'));
    chownSync(join(base, 'a'), 1234, 5678);
    const [volume] = await checkVolumes([request(join(base, 'a'))], allowAll);
    expect(volume).toMatchObject({ ownerUid: 1234, ownerGid: 5678 });
  });

  it('carry which file was looked at, so that nothing else can be used in its place', async () => {
    mkdirSync(join(base, 'a'));
    const [volume] = await checkVolumes([request(join(base, 'a'))], allowAll);
    const { dev, ino } = statSync(join(base, 'a'), { bigint: true });
    expect(volume?.identity).toEqual({ device: String(dev), inode: String(ino) });
  });

  it.each([
    ['is missing', 'does not exist', (path: string) => void path],
    ['is a link to nothing', 'does not exist', (path: string) => symlinkSync('gone', path)],
    ['is a link to itself', 'cannot be resolved', (path: string) => symlinkSync(path, path)],
    ['is a FIFO', 'neither a directory nor a plain file', (path: string) => void execFileSync('mkfifo', [path])],
  ])('one that %s is a configuration error naming the path and the option', async (_what, why, make) => {
    const path = join(base, 'volume');
    make(path);
    mkdirSync(join(base, 'good'));
    const refusal = checkVolumes([request(join(base, 'good')), request(path)], allowAll);
    await expect(refusal).rejects.toMatchObject({
      code: 'config_error',
      message: expect.stringContaining(why),
      details: { field: 'volumes.1.hostPath', path },
    });
    await expect(refusal).rejects.toThrow(path);
  });

  it('are judged by what they really are: a link to a forbidden place is refused', async () => {
    mkdirSync(join(base, 'secret'));
    symlinkSync(join(base, 'secret'), join(base, 'harmless'));
    const refusal = checkVolumes([request(join(base, 'harmless'))], (path) =>
      path === join(base, 'secret') ? 'is your home' : undefined,
    );
    await expect(refusal).rejects.toMatchObject({ code: 'config_error', message: expect.stringContaining('home') });
  });
});
