import { execFile } from 'node:child_process';
import { chmod, link, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyBoxFiles } from './copy-box-files.js';

let base: string;
let binDir: string;
let from: string;
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'boxlite-bin-'));
  binDir = join(base, 'bin');
  from = join(base, 'program');
  await writeFile(from, 'first', { mode: 0o755 });
});
afterEach(() => rm(base, { recursive: true }));

const copy = (name = 'vmm') => copyBoxFiles({ binDir, uid: process.getuid?.() ?? 0 }, [{ from, name }]);

describe("a VMM's files in a box's own directory", () => {
  it('are copies with an inode of their own that only the owner reads and runs', async () => {
    await copy();
    const made = await stat(join(binDir, 'vmm'));
    expect(await readFile(join(binDir, 'vmm'), 'utf8')).toBe('first');
    expect(made.mode & 0o7777).toBe(0o500);
    expect(made.ino).not.toBe((await stat(from)).ino);
    expect((await stat(binDir)).mode & 0o7777).toBe(0o700);
    expect(await readdir(binDir)).toEqual(['vmm']);
  });

  it('are left alone while the original is the same, and copied again when it has changed', async () => {
    await copy();
    const { ino } = await stat(join(binDir, 'vmm'));
    await copy();
    expect((await stat(join(binDir, 'vmm'))).ino).toBe(ino);
    await writeFile(from, 'later');
    await copy();
    expect(await readFile(join(binDir, 'vmm'), 'utf8')).toBe('later');
  });

  it('are compared by content before each start: one that was changed is not run, whatever its size and times say', async () => {
    await copy();
    const target = join(binDir, 'vmm');
    const { atime, mtime } = await stat(target);
    await chmod(target, 0o700);
    await writeFile(target, 'FIRST');
    await chmod(target, 0o500);
    await utimes(target, atime, mtime);
    await copy();
    expect(await readFile(target, 'utf8')).toBe('first');
  });

  it('are made again where they have a second name, another mode, or are no files any more', async () => {
    const target = join(binDir, 'vmm');
    const again = async (change: () => Promise<void>) => {
      await copy();
      await change();
      await copy();
      const made = await stat(target);
      expect([made.nlink, made.mode & 0o7777, await readFile(target, 'utf8')]).toEqual([1, 0o500, 'first']);
    };
    await again(() => link(target, join(base, 'second')));
    await again(() => chmod(target, 0o755));
    await again(async () => {
      await rm(target);
      await promisify(execFile)('mkfifo', [target]);
    });
    expect(await readFile(join(base, 'second'), 'utf8')).toBe('first');
  });

  it('replace a symbolic link instead of writing through it', async () => {
    await copy();
    const victim = join(base, 'victim');
    await writeFile(victim, 'not mine');
    await rm(join(binDir, 'vmm'));
    await symlink(victim, join(binDir, 'vmm'));
    await copy();
    expect(await readFile(victim, 'utf8')).toBe('not mine');
    expect(await readFile(join(binDir, 'vmm'), 'utf8')).toBe('first');
  });

  it.each(['../out', '.hidden', 'a/b', ''])('are refused under the name %j', async (name) => {
    await expect(copy(name)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(await readdir(binDir)).toEqual([]);
  });

  it('that are missing leave nothing behind', async () => {
    await rm(from);
    await expect(copy()).rejects.toMatchObject({ code: 'storage_error' });
    expect(await readdir(binDir)).toEqual([]);
  });
});
