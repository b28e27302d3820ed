import { type TarEntrySpec, writeTar } from '../support/write-tar.js';
import {
  archive,
  directory,
  empty,
  escapes,
  exhausted,
  file,
  type HostileArchive,
  hardlink,
  invalid,
  rawArchive,
  symlink,
  tree,
} from './hostile-archive.js';

const one = (name: string, entry: TarEntrySpec, expected: HostileArchive['expected']) =>
  archive(name, [[entry]], expected);

const LINKS = lazily(() => Array.from({ length: 65_000 }, (_, at) => writeTar([hardlink(`${at}`, 'f')], false)));

/** A file and so many hard links to it. */
function namesOfOneFile(links: number): Buffer {
  return Buffer.concat([writeTar([file('f')], false), ...LINKS().slice(0, links), Buffer.alloc(1024)]);
}

function manyNames(links: number): Record<string, string> {
  return Object.fromEntries([['f', 'f'], ...Array.from({ length: links }, (_, at) => [`${at}`, 'f'])]);
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Names, symlinks and hard links that would leave the image. */
export const CONTAINMENT: readonly HostileArchive[] = [
  one('with a name in the parent directory', file('../evil'), escapes()),
  one('with a name far above the root', file('../../../../../../../../etc/cron.d/evil'), escapes()),
  one('with a name that climbs in its middle', file('a/b/../../../evil'), escapes()),
  one('with a name that is the parent directory', directory('..'), escapes()),
  one('with an absolute name that climbs', file('/../evil'), escapes()),
  one('with a whiteout outside', empty('../.wh.passwd'), escapes()),
  one('with an opaque mark outside', empty('../.wh..wh..opq'), escapes()),
  one('with a device outside', { name: '../dev', type: 'block-device', device: [8, 0] }, escapes()),
  one('with a hard link to a file outside', hardlink('a', '../../../etc/shadow'), escapes('linkName')),
  one('with a hard link to an absolute file outside', hardlink('a', '/../etc/shadow'), escapes('linkName')),
  one('with a hard link to a file only the host has', hardlink('a', '/etc/passwd'), invalid('linkName')),
  one('with an absolute name is put below the root', file('/etc/x', 'x'), tree({ etc: '/', 'etc/x': 'x' })),
  one('with a name that climbs and comes back', file('a/../b/./../c', 'x'), tree({ c: 'x' })),
  archive(
    'with backslashes, drive letters and dots has files of such names',
    [[file('..\\..\\evil', '1'), file('C:\\evil', '2'), file('...', '3'), file('.. ', '4')]],
    tree({ '..\\..\\evil': '1', 'C:\\evil': '2', '...': '3', '.. ': '4' }),
  ),
  archive(
    'with control characters and wrong UTF-8 in names keeps their bytes',
    [[file('\x1b[2Jnew\nline', '1'), file('\xff\xfe', '2'), file('\xc0\xae\xc0\xae', '3')]],
    tree({ '\x1b[2Jnew\nline': '1', '\xff\xfe': '2', '\xc0\xae\xc0\xae': '3' }),
  ),
  archive(
    'that writes through an absolute symlink stays inside',
    [[symlink('link', '/etc'), file('link/passwd', 'x')]],
    tree({ link: '-> /etc', etc: '/', 'etc/passwd': 'x' }),
  ),
  archive(
    'that writes through a climbing symlink stays inside',
    [[symlink('link', '../../../../../tmp'), file('link/x', 'x')]],
    tree({ link: '-> ../../../../../tmp', tmp: '/', 'tmp/x': 'x' }),
  ),
  archive(
    'that makes a directory a symlink in the next layer and writes through it stays inside',
    [
      [directory('d'), file('d/old', '1')],
      [symlink('d', '/etc'), file('d/new', '2')],
    ],
    tree({ d: '-> /etc', etc: '/', 'etc/new': '2' }),
  ),
  archive(
    'that climbs by two symlinks stays inside',
    [[directory('a/b'), symlink('a/b/up', '../..'), symlink('out', 'a/b/up/../..'), file('out/x', 'x')]],
    tree({ a: '/', 'a/b': '/', 'a/b/up': '-> ../..', out: '-> a/b/up/../..', x: 'x' }),
  ),
  archive(
    'with a hard link through a climbing symlink stays inside',
    [[file('etc/shadow', 'inner'), symlink('up', '../..'), hardlink('a', 'up/etc/shadow')]],
    tree({ etc: '/', 'etc/shadow': 'inner', up: '-> ../..', a: 'inner' }),
  ),
  archive(
    'with a hard link to a symlink links the symlink itself',
    [[symlink('s', '/etc/shadow'), hardlink('h', 's'), file('h', 'replaced')]],
    tree({ s: '-> /etc/shadow', h: 'replaced' }),
  ),
  archive(
    'that whites out through a symlink removes a file of the image',
    [[file('etc/passwd', 'x'), symlink('link', '/etc')], [empty('link/.wh.passwd')]],
    tree({ etc: '/', link: '-> /etc' }),
  ),
  archive('with a loop of symlinks', [[symlink('a', 'b'), symlink('b', 'a'), file('a/x')]], invalid('name')),
  archive('with a symlink to itself', [[symlink('a', 'a'), file('a/x')]], invalid('name')),
  archive(
    'with symlinks that multiply',
    [[...Array.from({ length: 20 }, (_, at) => symlink(`${at}`, `${'d/../'.repeat(800)}${at + 1}`)), file('0/x')]],
    invalid('name'),
  ),
  archive('with a symlink of no target', [[symlink('a', '')]], invalid('linkName')),
  archive('with a symlink of 4096 bytes', [[symlink('a', 't'.repeat(4096))]], invalid('linkName')),
  archive('whose root is a file', [[file('/', 'x')]], tree({})),
  archive('whose root is a symlink', [[symlink('.', '/etc')]], invalid('name')),
  archive('whose root is a device', [[{ name: './', type: 'fifo' }]], invalid('name')),
  archive('with an entry of no name', [[empty('')]], invalid('name')),
  archive('with a name of 256 bytes', [[file('n'.repeat(256))]], invalid('name')),
  archive('with a path of 4097 bytes', [[file('n/'.repeat(2048) + 'x')]], exhausted('maxPathBytes')),
  archive(
    'with a hard link to a path of 4097 bytes',
    [[hardlink('a', 'n/'.repeat(2048) + 'x')]],
    exhausted('maxPathBytes'),
  ),
  archive('with a hard link to the root', [[hardlink('a', '/')]], invalid('linkName')),
  archive('with a hard link to a directory', [[directory('d'), hardlink('a', 'd')]], invalid('linkName')),
  archive('with a hard link into a file', [[file('f'), hardlink('a', 'f/x')]], invalid('linkName')),
  archive(
    'with a hard link over the directory of its target',
    [[file('d/f'), hardlink('d', 'd/f')]],
    invalid('linkName'),
  ),
  archive('with hard links in a circle', [[hardlink('a', 'b'), hardlink('b', 'a')]], invalid('linkName')),
  archive('with a hard link to itself', [[hardlink('a', 'a')]], invalid('linkName')),
  archive(
    'with hard links before their targets, one behind the other, has one file',
    [[hardlink('a', 'b'), hardlink('b', 'c'), hardlink('c', 'd'), file('d', 'x')]],
    tree({ a: 'x', b: 'x', c: 'x', d: 'x' }),
  ),
  rawArchive('with 65 000 names for one file has them all', () => namesOfOneFile(64_999), tree(manyNames(64_999))),
  rawArchive('with more names for one file than ext4 can count', () => namesOfOneFile(65_000), invalid('linkName')),
  archive(
    'that puts a file where lost+found belongs is no trouble',
    [[file('lost+found', 'x')]],
    tree({ 'lost+found': 'x' }),
  ),
];
