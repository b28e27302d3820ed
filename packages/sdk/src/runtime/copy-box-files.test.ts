import { mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
    const { atime, mtimeMs } = await stat(from);
    await writeFile(from, 'later');
    await utimes(from, atime, (mtimeMs + 10) / 1000);
    await copy();
    expect(await readFile(join(binDir, 'vmm'), 'utf8')).toBe('later');
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
