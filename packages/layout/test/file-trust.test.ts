import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { untrustedReason } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SET_ACCESS_LIST = fileURLToPath(new URL('../../../test/support/set-access-list.py', import.meta.url));

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

  it.skipIf(process.platform !== 'linux')(
    'is not trusted when an access list lets somebody write it whom its mode does not show, nor in such a directory',
    async () => {
      const grant = (path: string) => execFileSync('python3', [SET_ACCESS_LIST, path, '65534']);
      // A file of the user's own group may be written by that group: usual, and trusted.
      await chmod(file, 0o664);
      expect(await untrustedReason(file)).toBeUndefined();
      grant(file);
      expect(await untrustedReason(file)).toEqual({
        reason: `${file} can be written by whom its access list names`,
        remedy: `run "setfacl -b ${file}"`,
      });
      await rm(file);
      await writeFile(file, '', { mode: 0o644 });
      grant(join(base, 'inner'));
      expect((await untrustedReason(file))?.reason).toBe(
        `the directory ${join(base, 'inner')} can be written by whom its access list names`,
      );
    },
  );

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
