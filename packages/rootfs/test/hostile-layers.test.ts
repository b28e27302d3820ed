import { describe, expect, it } from 'vitest';
import { buildDisk } from './support/build.js';
import { checkFileSystem, isRoot, scanImage } from './support/host.js';
import type { TarEntrySpec } from './support/write-tar.js';

describe('hostile layers', () => {
  it.each([
    ['the parent directory', { name: '../../etc/cron.d/evil', content: 'x' }, 'name'],
    ['a parent hidden in the middle', { name: 'a/b/../../../evil', content: 'x' }, 'name'],
    ['a directory outside', { name: '../evil', type: 'directory' }, 'name'],
    ['a whiteout outside', { name: '../.wh.passwd', content: '' }, 'name'],
    ['a hard link to a file outside', { name: 'a', type: 'hardlink', linkName: '../../../../etc/shadow' }, 'linkName'],
  ] as [string, TarEntrySpec, string][])(
    'naming %s are refused with the name of the entry',
    async (_what, entry, field) => {
      await expect(buildDisk([[entry]])).rejects.toMatchObject({
        code: 'layer_escapes',
        details: { field, entry: entry.name },
      });
    },
  );

  it.skipIf(!isRoot)(
    'with absolute and climbing names and links stay inside the image (needs root: mounts)',
    async () => {
      const { path } = await buildDisk([
        [
          { name: '/etc/absolute', content: 'in' },
          { name: 'up', type: 'symlink', linkName: '../../../../../../tmp' },
          { name: 'up/through', content: 'in' },
          { name: 'abs', type: 'symlink', linkName: '/etc' },
          { name: 'abs/hard', type: 'hardlink', linkName: 'abs/absolute' },
        ],
      ]);
      expect(Object.keys(await scanImage(path)).sort()).toEqual(
        ['/', '/abs', '/etc', '/etc/absolute', '/etc/hard', '/tmp', '/tmp/through', '/up'].sort(),
      );
    },
  );

  it('nested as deep as a path can be are no trouble', async () => {
    const deep = 'd/'.repeat(2000);
    const { path } = await buildDisk([[{ name: `${deep}file`, content: 'bottom' }], [{ name: '.wh.d', content: '' }]]);
    await checkFileSystem(path);
    await checkFileSystem((await buildDisk([[{ name: `${deep}file`, content: 'bottom' }]])).path);
  });
});
