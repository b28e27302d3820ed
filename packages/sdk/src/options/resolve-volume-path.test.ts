import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveVolumePath } from './resolve-volume-path.js';

let base: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'boxlite-resolve-')));
  for (const name of ['a', 'a/b', 'shared', 'shared/sub']) mkdirSync(join(base, name));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

describe('the path of a volume', () => {
  it.each([
    ['a directory', 'a/b', (path: string) => void path],
    ['a link, absolute', 'x/b', (path: string) => symlinkSync(join(base, 'a'), path)],
    ['a link, relative', 'x', (path: string) => symlinkSync('a/../a/b', path)],
    ['links to links', 'x/b', (path: string) => [symlinkSync('y', path), symlinkSync('./a', join(base, 'y'))]],
  ])('is resolved as realpath does: %s', async (_what, path, make) => {
    make(join(base, 'x'));
    expect(await resolveVolumePath(join(base, path), [])).toEqual({ path: realpathSync(join(base, path)) });
  });

  it('that does not exist, or is a circle of links, is an error of the system', async () => {
    symlinkSync('circle', join(base, 'circle'));
    await expect(resolveVolumePath(join(base, 'gone'), [])).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(resolveVolumePath(join(base, 'circle'), [])).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('follows no link that the guest of a box could have planted', async () => {
    const shared = join(base, 'shared');
    const link = join(shared, 'link');
    symlinkSync('/etc', link);
    symlinkSync(link, join(base, 'mine'));
    for (const path of [link, join(link, 'ssl'), join(base, 'mine')]) {
      expect(await resolveVolumePath(path, [shared])).toEqual({ plantable: link, within: shared });
    }
    expect(await resolveVolumePath(join(shared, 'sub'), [shared])).toEqual({ path: join(shared, 'sub') });
    symlinkSync(join(shared, 'sub'), join(base, 'into'));
    expect(await resolveVolumePath(join(base, 'into'), [shared])).toEqual({ path: join(shared, 'sub') });
  });
});
