import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createHomeLayout, type HomeLayout } from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

const isRoot = process.getuid?.() === 0;
let home: HomeLayout;

beforeEach(async () => {
  const base = await temporaryDirectory();
  home = createHomeLayout(join(base, 'home'), { linkRoot: base, platform: 'linux' });
  await home.prepare();
});

describe('prepare() of a box', () => {
  it('makes sockets, control, tmp, disks, shared, logs and the short links; never bin or ca', async () => {
    const box = home.box('abc');
    expect(await box.prepare()).toEqual([]);
    expect(readdirSync(box.dir).sort()).toEqual(['control', 'disks', 'logs', 'shared', 'sockets', 'tmp']);
    expect(readlinkSync(box.socketLink)).toBe(box.socketsDir);
    expect(readlinkSync(box.controlLink)).toBe(box.controlDir);
  });

  it('makes every directory 0700 whatever the umask', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const box = home.box('abc');
    await box.prepare();
    for (const name of ['.', ...readdirSync(box.dir)]) {
      expect(lstatSync(join(box.dir, name)).mode & 0o7777, name).toBe(0o700);
    }
    expect(lstatSync(join(box.socketLink, '..')).mode & 0o7777).toBe(0o700);
  });

  it('is idempotent and keeps what is there', async () => {
    const box = home.box('abc');
    await box.prepare();
    writeFileSync(box.containerDisk, 'disk');
    await box.prepare();
    expect(readdirSync(box.disksDir)).toEqual(['disk.qcow2']);
  });

  it('makes mounts/ and leaves shared/ to the mount when isolation was asked for and is supported', async () => {
    const box = home.box('abc', { isolateMounts: true, bindMountsSupported: true });
    await box.prepare();
    expect(readdirSync(box.dir)).toContain('mounts');
    expect(existsSync(box.sharedDir)).toBe(false);
  });

  it('warns and makes a real shared/ when isolation was asked for and is not supported', async () => {
    const box = home.box('abc', { isolateMounts: true });
    const warnings = await box.prepare();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('without isolation');
    expect(lstatSync(box.sharedDir).isDirectory()).toBe(true);
    expect(existsSync(join(box.dir, 'mounts'))).toBe(false);
  });

  it('makes shared a symbolic link to mounts/ on macOS, also over an empty directory', async () => {
    const mac = createHomeLayout(home.home, { linkRoot: join(home.home, '..'), platform: 'darwin' });
    const box = mac.box('abc', { isolateMounts: true, bindMountsSupported: true });
    await mac.box('abc').prepare();
    await box.prepare();
    await box.prepare();
    expect(readlinkSync(box.sharedDir)).toBe('mounts');
  });
});

describe('cleanup() of a box', () => {
  it('removes the directory and the links, and nothing of another box', async () => {
    const [box, other] = [home.box('abc'), home.box('other')];
    await Promise.all([box.prepare(), other.prepare()]);
    writeFileSync(box.containerDisk, 'disk');
    await box.cleanup();
    expect(readdirSync(home.boxesDir)).toEqual(['other']);
    expect(readdirSync(join(box.socketLink, '..')).sort()).toEqual(['other', 'other.control']);
  });

  it('finds a missing directory fine, and the link still goes', async () => {
    const box = home.box('abc');
    await box.prepare();
    rmSync(box.dir, { recursive: true });
    await box.cleanup();
    expect(readdirSync(join(box.socketLink, '..'))).toEqual([]);
    await box.cleanup();
  });

  it('leaves a link that belongs to another home', async () => {
    const second = createHomeLayout(join(home.home, '..', 'second'), { linkRoot: join(home.home, '..') });
    await second.prepare();
    await home.box('abc').prepare();
    await second.box('abc').cleanup();
    expect(readlinkSync(home.box('abc').socketLink)).toBe(home.box('abc').socketsDir);
  });

  it('does not follow links out of the box', async () => {
    const box = home.box('abc');
    await box.prepare();
    const precious = join(home.home, '..', 'precious');
    mkdirSync(precious);
    writeFileSync(join(precious, 'file'), '');
    execFileSync('ln', ['-s', precious, join(box.sharedDir, 'link')]);
    await box.cleanup();
    expect(readdirSync(precious)).toEqual(['file']);
  });

  it('gets through directories without permissions and deeper than a path can name, as a guest can leave them', async () => {
    const box = home.box('abc');
    await box.prepare();
    // 300 levels of 20 characters: 6000 bytes, where PATH_MAX is 4096.
    const script =
      'd=aaaaaaaaaaaaaaaaaaaa; i=0; while [ $i -lt 300 ]; do mkdir $d && cd -P $d || exit 1; i=$((i+1)); done; chmod 0 .';
    execFileSync('bash', ['-c', script], { cwd: box.sharedDir });
    await box.cleanup();
    expect(existsSync(box.dir)).toBe(false);
  });

  it.runIf(isRoot && process.platform === 'linux')(
    'refuses while something is mounted below the box, and so never deletes what is mounted',
    async () => {
      const box = home.box('abc');
      await box.prepare();
      const volume = join(home.home, '..', 'volume');
      mkdirSync(volume);
      writeFileSync(join(volume, 'precious'), '');
      const point = join(box.mountsDir, 'v');
      mkdirSync(point);
      execFileSync('mount', ['--bind', volume, point]);
      try {
        await expect(box.cleanup()).rejects.toMatchObject({ code: 'invalid_state', details: { mounts: [point] } });
        expect(readdirSync(volume)).toEqual(['precious']);
      } finally {
        execFileSync('umount', [point]);
      }
      await box.cleanup();
      expect(readdirSync(volume)).toEqual(['precious']);
    },
  );
});
