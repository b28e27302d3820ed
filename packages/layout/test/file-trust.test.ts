import { chmod, chown, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { untrustedReason } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let base: string;
let file: string;
beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'boxlite-trust-')));
  await mkdir(join(base, 'inner'), { mode: 0o755 });
  file = join(base, 'inner', 'code.js');
  await writeFile(file, '', { mode: 0o644 });
});
afterEach(() => rm(base, { recursive: true }));

describe('a file whose code is to be run', () => {
  it('is trusted below a sticky directory such as /tmp when it and the directories of its own are the user’s', async () => {
    expect(await untrustedReason(file)).toBeUndefined();
  });

  it('is not trusted when every user can write it', async () => {
    await chmod(file, 0o646);
    expect(await untrustedReason(file)).toEqual({
      reason: `${file} can be written by every user`,
      remedy: `run "chmod o-w ${file}"`,
    });
  });

  it('is not trusted when every user can put another in its place, in its directory or one above', async () => {
    await chmod(base, 0o757);
    expect((await untrustedReason(file))?.reason).toBe(`the directory ${base} can be written by every user`);
    await chmod(base, 0o1777);
    expect(await untrustedReason(file)).toBeUndefined();
    // Beside the file itself one could lay what it imports, sticky or not.
    await chmod(join(base, 'inner'), 0o1777);
    expect((await untrustedReason(file))?.reason).toContain('can be written by every user');
  });

  it('is trusted in a directory that the program itself lies in: who can write there can change the program', async () => {
    await chmod(base, 0o757);
    const uids = new Set([0, process.geteuid?.() ?? 0]);
    expect(await untrustedReason(file, { path: join(base, 'program/main.js'), uids })).toBeUndefined();
    expect(await untrustedReason(file, { path: '/elsewhere/main.js', uids })).toMatchObject({
      reason: expect.stringContaining('can be written by every user'),
    });
    await chmod(file, 0o646);
    expect(await untrustedReason(file, { path: join(base, 'program/main.js'), uids })).toBeDefined();
  });

  it.skipIf(process.geteuid?.() !== 0)(
    'is not trusted when a foreign group can write it, or a foreign user owns it',
    async () => {
      await chown(file, 0, 12345);
      await chmod(file, 0o664);
      expect((await untrustedReason(file))?.reason).toBe(`${file} can be written by group 12345`);
      await chown(file, 12345, 12345);
      expect((await untrustedReason(file))?.reason).toBe(`${file} belongs to user 12345, who could change it`);
      expect(await untrustedReason(file, { path: '/usr/bin/program', uids: new Set([0, 12345]) })).toBeUndefined();
    },
  );
});
