import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findLibkrun } from '@boxlite/vmm-libkrun';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileLibkrun, compilerAbsence } from './support/compile-libkrun.js';

const absence = compilerAbsence();
const describeCompiled = describe.skipIf(absence !== '');

const SET_ACCESS_LIST = fileURLToPath(new URL('../../../test/support/set-access-list.py', import.meta.url));
const NOBODY = 65534;
/** Any group that is not root's and not the owner's. */
const OTHER_GROUP = 12345;
const isRoot = process.geteuid?.() === 0;

let root: string;
let library: string;
let marker: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'boxlite-trust-')));
  marker = join(root, 'constructor-ran');
  library = await compileLibkrun(join(root, 'outer', 'lib', 'libkrun.so.1'), {
    extra: `#include <fcntl.h>
      __attribute__((constructor)) static void mark(void) { open("${marker}", O_CREAT | O_WRONLY, 0600); }`,
  });
  for (const directory of [dirname(library), join(root, 'outer')]) await chmod(directory, 0o755);
  await chmod(library, 0o755);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const search = (libraryPath = library) => findLibkrun({ libraryPath, environment: {} });

describeCompiled(`a libkrun that somebody else can change${absence}`, () => {
  it.each([
    ['is written by every user', () => chmod(library, 0o757), 'it can be written by every user', 'chmod o-w'],
    [
      'lies in a directory that every user can write',
      () => chmod(dirname(library), 0o777),
      'lib can be written by every user',
      'chmod o-w',
    ],
    [
      'lies itself in a sticky directory, where anybody may put libkrunfw beside it',
      () => chmod(dirname(library), 0o1777),
      'lib can be written by every user',
      'chmod o-w',
    ],
    [
      'lies below a directory that every user can write',
      () => chmod(join(root, 'outer'), 0o777),
      'outer can be written by every user',
      'chmod o-w',
    ],
    [
      'has an access list that lets somebody else write it, which its mode does not show',
      async () => void execFileSync('python3', [SET_ACCESS_LIST, library, String(NOBODY)]),
      'it can be written by whom its access list names',
      'setfacl -b',
    ],
  ])('is refused, and nothing of it runs, when it %s', async (_, spoil, problem, remedy) => {
    await spoil();
    await expect(search()).rejects.toMatchObject({
      code: 'vmm_unavailable',
      message: expect.stringContaining(problem),
      hint: expect.stringContaining(remedy),
    });
    expect(existsSync(marker)).toBe(false);
  });

  it.runIf(isRoot).each([
    ['belongs to another user', () => chown(library, NOBODY, 0), `belongs to user ${NOBODY}`],
    ['lies in a directory of another user', () => chown(dirname(library), NOBODY, 0), `belongs to user ${NOBODY}`],
    [
      'is written by a group',
      async () => {
        await chown(library, 0, OTHER_GROUP);
        await chmod(library, 0o775);
      },
      `can be written by group ${OTHER_GROUP}`,
    ],
  ])('is refused, and nothing of it runs, when it %s', async (_, spoil, problem) => {
    await spoil();
    await expect(search()).rejects.toMatchObject({
      code: 'vmm_unavailable',
      message: expect.stringContaining(problem),
    });
    expect(existsSync(marker)).toBe(false);
  });

  it('is refused behind a symbolic link too, named by its real path', async () => {
    await chmod(library, 0o757);
    const link = join(root, 'libkrun.so.1');
    await symlink(library, link);
    await expect(search(link)).rejects.toMatchObject({ message: expect.stringContaining('not safe to load') });
    expect(existsSync(marker)).toBe(false);
  });
});

describeCompiled(`a libkrun that only its owner and root can change${absence}`, () => {
  it('is loaded, also below a sticky directory such as /tmp', async () => {
    await chmod(join(root, 'outer'), 0o1777);
    expect((await search()).path).toBe(library);
    expect(existsSync(marker)).toBe(true);
  });

  it("is loaded when the group that may write is its owner's own", async () => {
    if (isRoot) await chown(library, 0, 0);
    await chmod(library, 0o775);
    const isOwnGroup = isRoot || process.getegid?.() === process.geteuid?.();
    if (isOwnGroup) expect((await search()).path).toBe(library);
    else await expect(search()).rejects.toMatchObject({ code: 'vmm_unavailable' });
  });

  it('is loaded from a place named through a symbolic link of anybody', async () => {
    const open = join(root, 'open');
    await mkdir(open);
    await chmod(open, 0o777);
    await symlink(library, join(open, 'libkrun.so.1'));
    expect((await search(join(open, 'libkrun.so.1'))).path).toBe(library);
  });
});
