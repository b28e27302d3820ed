import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHomeLayout } from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

const isRoot = process.getuid?.() === 0;
const mode = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);
const tree = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();

function withUmask(mask: number): void {
  const before = process.umask(mask);
  onTestFinished(() => void process.umask(before));
}

describe('prepare() of a home', () => {
  it('makes every directory of the specification', async () => {
    const home = join(await temporaryDirectory(), 'not', 'yet', 'there');
    await createHomeLayout(home).prepare();
    expect(tree(home)).toEqual([
      'bases',
      'boxes',
      'db',
      'images',
      'images/configs',
      'images/disk-images',
      'images/extracted',
      'images/layers',
      'images/local',
      'images/manifests',
      'kernels',
      'locks',
      'logs',
      'templates',
      'tmp',
    ]);
  });

  it.each([0o000, 0o022, 0o077, 0o777])('makes them 0700 whatever the umask (%o)', async (mask) => {
    const parent = await temporaryDirectory();
    withUmask(mask);
    const home = join(parent, 'new', 'home');
    await createHomeLayout(home).prepare();
    for (const path of ['..', '.', ...tree(home)]) expect(mode(join(home, path)), path).toBe('700');
  });

  it('is idempotent, keeps what is there, and closes directories that were opened', async () => {
    const layout = createHomeLayout(join(await temporaryDirectory(), 'home'));
    await layout.prepare();
    writeFileSync(join(layout.basesDir, 'kept'), 'x');
    chmodSync(layout.basesDir, 0o755);
    chmodSync(layout.home, 0o755);
    await layout.prepare();
    expect(readdirSync(layout.basesDir)).toEqual(['kept']);
    expect([mode(layout.basesDir), mode(layout.home)]).toEqual(['700', '700']);
  });

  it('closes an empty home that is open to others', async () => {
    const home = join(await temporaryDirectory(), 'home');
    mkdirSync(home);
    chmodSync(home, 0o775);
    await createHomeLayout(home).prepare();
    expect(mode(home)).toBe('700');
  });

  it('refuses an open directory that holds other things, and leaves it as it is', async () => {
    const home = await temporaryDirectory();
    writeFileSync(join(home, 'thesis.tex'), '');
    chmodSync(home, 0o755);
    await expect(createHomeLayout(home).prepare()).rejects.toMatchObject({
      code: 'config_error',
      details: { field: 'BOXLITE_HOME' },
    });
    expect(mode(home)).toBe('755');
    expect(readdirSync(home)).toEqual(['thesis.tex']);
  });

  it('refuses a home that everybody may write to', async () => {
    const home = join(await temporaryDirectory(), 'home');
    mkdirSync(home);
    chmodSync(home, 0o777);
    await expect(createHomeLayout(home).prepare()).rejects.toMatchObject({ code: 'config_error' });
  });

  it('refuses a home that is a file', async () => {
    const home = join(await temporaryDirectory(), 'home');
    writeFileSync(home, '');
    await expect(createHomeLayout(home).prepare()).rejects.toMatchObject({ code: 'config_error' });
  });

  it('says which variable to change where no directory can be made', async () => {
    const file = join(await temporaryDirectory(), 'file');
    writeFileSync(file, '');
    for (const home of [join(file, 'home'), join(file, 'deep', 'home')]) {
      await expect(createHomeLayout(home).prepare()).rejects.toMatchObject({
        code: 'storage_error',
        hint: expect.stringContaining('BOXLITE_HOME'),
        details: { field: 'BOXLITE_HOME' },
      });
    }
  });

  it('works in a home that is a symbolic link, but takes none for a directory of it', async () => {
    const base = await temporaryDirectory();
    mkdirSync(join(base, 'large-disk'), { mode: 0o700 });
    symlinkSync(join(base, 'large-disk'), join(base, 'home'));
    const layout = createHomeLayout(join(base, 'home'));
    await layout.prepare();
    expect(tree(join(base, 'large-disk'))).toContain('boxes');

    const planted = createHomeLayout(join(base, 'planted'));
    mkdirSync(planted.home, { mode: 0o700 });
    symlinkSync(base, planted.boxesDir);
    await expect(planted.prepare()).rejects.toMatchObject({
      code: 'storage_error',
      details: { path: planted.boxesDir },
    });
  });

  it.runIf(isRoot)('refuses a home owned by somebody else, naming the owner', async () => {
    const home = join(await temporaryDirectory(), 'home');
    mkdirSync(home, { mode: 0o700 });
    chownSync(home, 65534, 65534);
    const refusal = createHomeLayout(home).prepare();
    await expect(refusal).rejects.toMatchObject({ code: 'permission_denied', details: { owner: 65534 } });
    await expect(refusal).rejects.toThrow(home);
    expect(readdirSync(home)).toEqual([]);
  });

  it.runIf(isRoot)('refuses a link to a home owned by somebody else, and a link somebody else made', async () => {
    const base = await temporaryDirectory();
    for (const name of ['theirs', 'mine']) mkdirSync(join(base, name), { mode: 0o700 });
    chownSync(join(base, 'theirs'), 65534, 65534);
    symlinkSync(join(base, 'theirs'), join(base, 'my-link'));
    symlinkSync(join(base, 'mine'), join(base, 'their-link'));
    lchownSync(join(base, 'their-link'), 65534, 65534);
    for (const home of ['my-link', 'their-link']) {
      await expect(createHomeLayout(join(base, home)).prepare()).rejects.toMatchObject({ code: 'permission_denied' });
    }
    expect([...readdirSync(join(base, 'mine')), ...readdirSync(join(base, 'theirs'))]).toEqual([]);
  });

  it.runIf(isRoot)('refuses a home with a directory of somebody else in it', async () => {
    const layout = createHomeLayout(join(await temporaryDirectory(), 'home'));
    await layout.prepare();
    chownSync(layout.basesDir, 65534, 65534);
    await expect(layout.prepare()).rejects.toMatchObject({ code: 'permission_denied' });
  });
});

describe('the same-filesystem check', () => {
  it.each(['tmpDir', 'basesDir', 'diskImagesDir', 'layersDir', 'boxesDir'] as const)(
    'refuses when %s is on another device, naming directories, devices and the variable to change',
    async (name) => {
      const home = join(await temporaryDirectory(), 'home');
      const other = createHomeLayout(home)[name];
      const statDevice = async (path: string): Promise<number> => (path === other ? 42 : 41);
      const refusal = createHomeLayout(home, { statDevice }).prepare();
      await expect(refusal).rejects.toMatchObject({
        code: 'config_error',
        hint: expect.stringContaining('BOXLITE_HOME'),
      });
      await expect(refusal).rejects.toThrow(`${other} (device 42)`);
    },
  );

  it('does not care for directories nothing is installed into by rename', async () => {
    const home = join(await temporaryDirectory(), 'home');
    const { dbDir, logsDir } = createHomeLayout(home);
    const statDevice = async (path: string): Promise<number> => (path === dbDir || path === logsDir ? 42 : 41);
    await expect(createHomeLayout(home, { statDevice }).prepare()).resolves.toBeUndefined();
  });

  it.runIf(isRoot && process.platform === 'linux')('refuses a tmpfs mounted on bases/', async () => {
    const layout = createHomeLayout(join(await temporaryDirectory(), 'home'));
    await layout.prepare();
    execFileSync('mount', ['-t', 'tmpfs', 'none', layout.basesDir]);
    onTestFinished(() => void execFileSync('umount', [layout.basesDir]));
    const refusal = layout.prepare();
    await expect(refusal).rejects.toMatchObject({ code: 'config_error' });
    await expect(refusal).rejects.toThrow(layout.basesDir);
  });
});
