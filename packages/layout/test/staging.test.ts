import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  currentBootId,
  currentHolder,
  installFile,
  installNew,
  processIdentity,
  stage,
  stagingName,
  sweepStaging,
} from '../src/index.js';
import { temporaryDirectory } from './temporary-directory.js';

const isRoot = process.getuid?.() === 0;
let dir: string;

beforeEach(async () => {
  dir = await temporaryDirectory();
});

async function sleeper(): Promise<{ pid: number; end: () => Promise<void> }> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  onTestFinished(end);
  return { pid: child.pid!, end };
}

describe('a staging directory', () => {
  it('is private and carries its holder’s name', async () => {
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const { pid, startTime, bootId } = currentHolder();
    const area = await stage(dir);
    expect(basename(area.dir)).toMatch(new RegExp(`^${pid}-${startTime}-${bootId.slice(0, 8)}-[0-9A-Za-z]{8}$`));
    expect(lstatSync(area.dir).mode & 0o7777).toBe(0o700);
    expect((await stage(dir)).dir).not.toBe(area.dir);
  });

  it('goes with its scope', async () => {
    const area = await stage(dir);
    writeFileSync(area.path('file'), '');
    await area[Symbol.asyncDispose]();
    await area.remove();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('is swept only when its holder is gone', async () => {
    const child = await sleeper();
    const mine = await stage(dir);
    const theirs = await stage(dir, { ...processIdentity(child.pid)!, bootId: currentBootId() });
    expect(await sweepStaging(dir)).toEqual([]);
    await child.end();
    expect(await sweepStaging(dir)).toEqual([basename(theirs.dir)]);
    expect(readdirSync(dir)).toEqual([basename(mine.dir)]);
  });

  it('is swept when its pid now belongs to another process, or it was made before a reboot', async () => {
    const holder = currentHolder();
    const reused = await stage(dir, { ...holder, startTime: holder.startTime + 1 });
    const earlierBoot = await stage(dir, { ...holder, bootId: '00000000-0000-0000-0000-000000000000' });
    const swept = await sweepStaging(dir);
    expect([...swept].sort()).toEqual([basename(reused.dir), basename(earlierBoot.dir)].sort());
  });

  it('may be a file that others stage under such a name', async () => {
    const mine = stagingName();
    const theirs = stagingName({ ...currentHolder(), startTime: 1 });
    for (const name of [mine, theirs]) writeFileSync(join(dir, name), '');
    expect(await sweepStaging(dir)).toEqual([theirs]);
    expect(readdirSync(dir)).toEqual([mine]);
  });

  it('is all that is swept: other names stay, and a missing tmp/ is fine', async () => {
    mkdirSync(join(dir, 'notes'));
    mkdirSync(join(dir, '1-2-zz'));
    expect(await sweepStaging(dir)).toEqual([]);
    expect(readdirSync(dir).sort()).toEqual(['1-2-zz', 'notes']);
    expect(await sweepStaging(join(dir, 'none'))).toEqual([]);
  });
});

describe('an install', () => {
  it('puts the staged file in place with mode 0600 whatever its mode was, and replaces', async () => {
    const [staged, target] = [join(dir, 'staged'), join(dir, 'target')];
    writeFileSync(target, 'old');
    writeFileSync(staged, 'new', { mode: 0o666 });
    await installFile(staged, target);
    expect(readFileSync(target, 'utf8')).toBe('new');
    expect(lstatSync(target).mode & 0o7777).toBe(0o600);
    expect(existsSync(staged)).toBe(false);
  });

  it('is durable: the file reaches the disk before the rename, the rename after it', async () => {
    const [staged, target] = [join(dir, 'staged'), join(dir, 'target')];
    writeFileSync(staged, 'new');
    const handle = await open(staged);
    const sync = vi.spyOn(Object.getPrototypeOf(handle), 'sync');
    await handle.close();
    onTestFinished(() => sync.mockRestore());
    const installedAtSync: boolean[] = [];
    sync.mockImplementation(async () => void installedAtSync.push(existsSync(target)));
    await installFile(staged, target);
    expect(installedAtSync).toEqual([false, true]);
    writeFileSync(staged, 'another');
    installedAtSync.length = 0;
    expect(await installNew(staged, join(dir, 'second'))).toBe('installed');
    expect(installedAtSync).toHaveLength(2);
  });

  it('takes another mode where one is asked for', async () => {
    writeFileSync(join(dir, 'staged'), '');
    await installFile(join(dir, 'staged'), join(dir, 'target'), { mode: 0o755 });
    expect(lstatSync(join(dir, 'target')).mode & 0o7777).toBe(0o755);
  });

  it('of a new file has one winner and loses nothing', async () => {
    const target = join(dir, 'target');
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, async (_, index) => {
        const staged = join(dir, `staged${index}`);
        writeFileSync(staged, String(index));
        return { index, outcome: await installNew(staged, target) };
      }),
    );
    const winners = outcomes.filter(({ outcome }) => outcome === 'installed');
    expect(winners).toHaveLength(1);
    expect(readFileSync(target, 'utf8')).toBe(String(winners[0]!.index));
    expect(readdirSync(dir)).toEqual(['target']);
    expect(lstatSync(target).nlink).toBe(1);
  });

  it('that fails leaves the staged file and no target', async () => {
    const staged = join(dir, 'staged');
    writeFileSync(staged, 'x');
    await expect(installFile(staged, join(dir, 'none', 'target'))).rejects.toMatchObject({ code: 'storage_error' });
    expect(readdirSync(dir)).toEqual(['staged']);
  });

  it('never installs what a link in the staging directory names', async () => {
    writeFileSync(join(dir, 'secret'), 'x', { mode: 0o640 });
    symlinkSync(join(dir, 'secret'), join(dir, 'staged'));
    await expect(installFile(join(dir, 'staged'), join(dir, 'target'))).rejects.toMatchObject({
      code: 'storage_error',
    });
    expect(lstatSync(join(dir, 'secret')).mode & 0o7777).toBe(0o640);
  });

  it.runIf(isRoot && process.platform === 'linux')('across file systems says which variable to change', async () => {
    mkdirSync(join(dir, 'other'));
    execFileSync('mount', ['-t', 'tmpfs', 'none', join(dir, 'other')]);
    onTestFinished(() => void execFileSync('umount', [join(dir, 'other')]));
    writeFileSync(join(dir, 'staged'), 'x');
    await expect(installFile(join(dir, 'staged'), join(dir, 'other', 'target'))).rejects.toMatchObject({
      code: 'storage_error',
      details: { field: 'BOXLITE_HOME' },
    });
  });
});
