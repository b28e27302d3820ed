import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CheckedVolume } from '../options/volume.js';
import { CleanupGuard } from './cleanup-guard.js';
import { prepareShares, removeShares } from './volume-shares.js';

let base: string;
let box: { sharedDir: string };
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'boxlite-shares-')));
  box = { sharedDir: join(base, 'shared') };
  mkdirSync(box.sharedDir);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const volume = (index: number, hostPath: string, kind: CheckedVolume['kind']): CheckedVolume => ({
  ...{ tag: `uservol${index}`, kind, hostPath, guestPath: '/v', readOnly: false, ownerUid: 0, ownerGid: 0 },
  identity: identityOf(hostPath),
});
const identityOf = (path: string) => {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return { device: String(found?.dev), inode: String(found?.ino) };
};
const forget = () => undefined;

describe('the shares of a start', () => {
  it('are directories where they are, and for a single file a directory that holds it alone', async () => {
    const file = join(base, 'app.conf');
    writeFileSync(file, 'one');
    writeFileSync(join(base, 'neighbour'), '');
    const shares = await prepareShares(box, [volume(0, base, 'directory'), volume(1, file, 'file')], forget);
    const staged = join(box.sharedDir, 'uservol1');
    expect(shares).toEqual([
      { tag: 'uservol0', hostPath: base, readOnly: false },
      { tag: 'uservol1', hostPath: staged, readOnly: false, file: 'app.conf' },
    ]);
    expect(readdirSync(staged)).toEqual(['app.conf']);
    writeFileSync(join(staged, 'app.conf'), 'two');
    expect(readFileSync(file, 'utf8')).toBe('two');
  });

  it('are made anew at each start: the file of that name may be another one by then', async () => {
    const file = join(base, 'app.conf');
    writeFileSync(file, 'old');
    await prepareShares(box, [volume(0, file, 'file')], forget);
    rmSync(file);
    writeFileSync(file, 'new');
    const [share] = await prepareShares(box, [volume(0, file, 'file')], forget);
    expect(readFileSync(join(share?.hostPath ?? '', 'app.conf'), 'utf8')).toBe('new');
  });

  it('are undone when the start fails, also when only the second of two could not be made', async () => {
    const file = join(base, 'app.conf');
    writeFileSync(file, 'kept');
    const guard = new CleanupGuard({ markFailed: async () => undefined, countFailure: forget, log: forget });
    const undo = (run: () => Promise<void>) => guard.onFailure('undo the shares', run);
    const starting = prepareShares(box, [volume(0, file, 'file'), volume(1, join(base, 'gone'), 'file')], undo);
    await expect(starting).rejects.toMatchObject({ code: 'config_error', details: { field: 'volumes.1.hostPath' } });
    await guard.trip(new Error('start failed'));
    expect(readdirSync(box.sharedDir)).toEqual([]);
    expect(readFileSync(file, 'utf8')).toBe('kept');
  });

  it('never hold a file another directory was swapped in for: a link on the way after the path was resolved is refused', async () => {
    const secrets = join(base, 'secrets');
    const given = join(base, 'given');
    mkdirSync(secrets);
    mkdirSync(given);
    writeFileSync(join(secrets, 'config'), 'secret');
    writeFileSync(join(given, 'config'), 'harmless');
    const checked = volume(0, join(given, 'config'), 'file');
    renameSync(given, `${given}.away`);
    symlinkSync(secrets, given);
    await expect(prepareShares(box, [checked], forget)).rejects.toMatchObject({
      code: 'config_error',
      details: { field: 'volumes.0.hostPath' },
      message: expect.stringContaining('became another file'),
    });
    expect(readdirSync(join(box.sharedDir, 'uservol0'))).toEqual([]);
  });

  it('never hold another file that was put in the place of the one that was checked', async () => {
    const given = join(base, 'config');
    writeFileSync(given, 'harmless');
    const checked = volume(0, given, 'file');
    writeFileSync(join(base, 'other'), 'secret');
    renameSync(join(base, 'other'), given);
    await expect(prepareShares(box, [checked], forget)).rejects.toMatchObject({
      code: 'config_error',
      details: { field: 'volumes.0.hostPath' },
      hint: expect.stringContaining('start again'),
    });
  });

  it('are removed whatever the VMM made of shared/: without its mode, with links in it that lead elsewhere', async () => {
    const kept = join(base, 'kept');
    mkdirSync(kept, { mode: 0o500 });
    symlinkSync(kept, join(box.sharedDir, 'uservol9'));
    chmodSync(box.sharedDir, 0);
    await removeShares(box);
    expect(statSync(box.sharedDir).mode & 0o777).toBe(0o700);
    expect(readdirSync(box.sharedDir)).toEqual([]);
    expect(statSync(kept).mode & 0o777).toBe(0o500);
  });

  it('leave everything else in shared/ alone when they are removed', async () => {
    mkdirSync(join(box.sharedDir, 'containers'));
    await removeShares(box);
    expect(existsSync(join(box.sharedDir, 'containers'))).toBe(true);
    await removeShares({ sharedDir: join(base, 'missing') });
  });

  it.runIf(process.geteuid?.() === 0)('refuse a file of another file system, with the way out', async () => {
    const other = join(base, 'other');
    mkdirSync(other);
    execFileSync('mount', ['-t', 'tmpfs', 'none', other]);
    try {
      writeFileSync(join(other, 'app.conf'), '');
      const starting = prepareShares(box, [volume(0, join(other, 'app.conf'), 'file')], forget);
      await expect(starting).rejects.toMatchObject({
        code: 'config_error',
        message: expect.stringContaining('another file system'),
        hint: expect.stringContaining('share the directory'),
      });
    } finally {
      execFileSync('umount', [other]);
    }
  });
});
