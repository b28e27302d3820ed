import {
  archive,
  directory,
  empty,
  file,
  type HostileArchive,
  hardlink,
  invalid,
  symlink,
  tree,
} from './hostile-archive.js';

/** Marks that hide what the layers below have. */
export const WHITEOUTS: readonly HostileArchive[] = [
  archive('with a whiteout of nothing', [[empty('.wh.')]], invalid('name')),
  archive('with a whiteout of the directory it is in', [[empty('d/.wh..')]], invalid('name')),
  archive('with a whiteout of the parent directory', [[empty('d/.wh...')]], invalid('name')),
  archive(
    'with bookkeeping of aufs has nothing of it in the image',
    [
      [
        empty('.wh..wh.aufs'),
        directory('.wh..wh.orph'),
        directory('.wh..wh.plnk'),
        file('.wh..wh.plnk/77.1', 'shared'),
        hardlink('a', '.wh..wh.plnk/77.1'),
        hardlink('b', '.wh..wh.plnk/77.1'),
      ],
    ],
    tree({ a: 'shared', b: 'shared' }),
  ),
  archive(
    'with whiteouts in its lowest layer hides nothing',
    [[file('a'), empty('.wh.a'), empty('.wh..wh..opq')]],
    tree({ a: 'a' }),
  ),
  archive(
    'with a whiteout of a name its layer brings as well keeps that, in either order',
    [
      [file('a', 'old'), file('b', 'old')],
      [empty('.wh.a'), file('a', 'new'), file('b', 'new'), empty('.wh.b')],
    ],
    tree({ a: 'new', b: 'new' }),
  ),
  archive(
    'with an opaque mark before and behind what it must keep',
    [
      [file('d/old', '1'), file('e/old', '1')],
      [empty('d/.wh..wh..opq'), file('d/new', '2'), file('e/new', '2'), empty('e/.wh..wh..opq')],
    ],
    tree({ d: '/', 'd/new': '2', e: '/', 'e/new': '2' }),
  ),
  archive(
    'with an opaque mark for the root hides all that was',
    [[file('a/b'), file('c')], [file('new', 'x')], [empty('.wh..wh..opq')]],
    tree({}),
  ),
  archive(
    'with an opaque mark in a directory whose parent is opaque as well hides both',
    [[file('p/d/old')], [empty('p/d/.wh..wh..opq'), empty('p/.wh..wh..opq')]],
    tree({ p: '/' }),
  ),
  archive(
    'with a whiteout of a whited-out directory’s new content keeps the content',
    [[file('d/old')], [file('d/new', 'x'), empty('.wh.d'), empty('.wh.d'), empty('d/.wh.old')]],
    tree({ d: '/', 'd/new': 'x' }),
  ),
  archive(
    'with whiteouts of what does not exist makes nothing',
    [[file('a')], [empty('.wh.nothing'), empty('no/such/.wh.file'), empty('a/.wh.in-a-file')]],
    tree({ a: 'a' }),
  ),
  archive(
    'with directories, links and devices called like whiteouts has them',
    [
      [file('a')],
      [directory('.wh.a'), symlink('.wh.b', 'x'), { name: '.wh.c', type: 'character-device', device: [0, 0] }],
    ],
    tree({ a: 'a', '.wh.a': '/', '.wh.b': '-> x', '.wh.c': 'character-device' }),
  ),
  archive(
    'with a hard link called like a whiteout removes',
    [[file('a'), file('b')], [hardlink('.wh.a', 'b')]],
    tree({ b: 'b' }),
  ),
  archive(
    'that removes one name of a hard-linked file keeps the other',
    [[file('a', 'x'), hardlink('b', 'a')], [empty('.wh.a')], [hardlink('c', 'b'), empty('.wh.b')]],
    tree({ c: 'x' }),
  ),
  archive(
    'with ten thousand whiteouts of a directory of ten thousand files is read at once',
    [
      [file('d/old', 'x')],
      [
        ...Array.from({ length: 10_000 }, (_, at) => empty(`d/${at}`)),
        ...Array.from({ length: 10_000 }, (_, at) => empty(at % 2 === 0 ? '.wh.d' : 'd/.wh..wh..opq')),
        empty('.wh..wh..opq'),
      ],
      [empty('.wh.d')],
    ],
    tree({}),
  ),
];
