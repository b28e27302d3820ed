import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { buildImageDisk } from '../src/index.js';
import { checkFileSystem, isRoot, run, scanImage, scanTree, temporaryDirectory } from './support/host.js';
import { readOciLayout } from './support/oci-layout.js';
import { writeOddTree } from './support/odd-tree.js';
import { type TarEntrySpec, writeTar } from './support/write-tar.js';

const shell = (script: string, cwd: string) => execFileSync('bash', ['-euc', script], { cwd, encoding: 'utf8' });

describe.skipIf(!isRoot)('a disk made from layers, beside what umoci unpacks from the same image (needs root)', () => {
  let work: string;
  let layout: string;

  beforeEach(async () => {
    work = await temporaryDirectory();
    layout = join(work, 'oci');
    shell('umoci init --layout oci && umoci new --image oci:test', work);
  });

  /** Changes the unpacked image and packs the difference as a layer, as an image builder does. */
  const changeWithUmoci = (change: (root: string) => void) => {
    shell('umoci unpack --image oci:test bundle', work);
    change(join(work, 'bundle/rootfs'));
    shell('umoci repack --refresh-bundle --image oci:test bundle && rm -rf bundle', work);
  };

  /** Packs a tree with GNU tar, which keeps nanoseconds. */
  const addLayerOfTree = (build: (root: string) => void) => {
    mkdirSync(join(work, 'tree'));
    build(join(work, 'tree'));
    shell("tar --format=posix --xattrs --xattrs-include='*.*' -cf layer.tar -C tree .", work);
    shell('umoci raw add-layer --image oci:test layer.tar', work);
  };

  const addRawLayer = (entries: readonly TarEntrySpec[]) => {
    writeFileSync(join(work, 'layer.tar'), writeTar(entries));
    shell('umoci raw add-layer --image oci:test layer.tar', work);
  };

  const compare = async () => {
    shell('umoci unpack --image oci:test bundle', work);
    const expected = await scanTree(join(work, 'bundle/rootfs'));
    const { image, source } = await readOciLayout(layout);
    const target = join(work, 'disk.ext4');
    await buildImageDisk({
      layers: image.layers.map((layer) => () => source.openLayer(image, layer)),
      target,
      sizeBytes: 512 * 1024 ** 2,
    });
    await checkFileSystem(target);
    const actual = await scanImage(target);
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
    expect(actual).toEqual(expected);
    return actual;
  };

  it('has the same files, owners, modes, times, attributes, links, devices and content', async () => {
    addLayerOfTree(writeOddTree);
    const tree = await compare();
    expect(tree['/bin/ping']?.xattrs).toHaveProperty(['security.capability']);
    expect(tree['/before-1970']?.mtime).toBe('-152391232999999999');
    expect(tree['/dev/big']?.device).toBe('259:70000');
    expect(tree['/bin/hard']?.links).toBe(3);
    expect(tree['/minus-half']?.mtime).toBe('-500000000');
  });

  it('has the layers of a builder applied in order: removals, replacements, changed metadata', async () => {
    changeWithUmoci((root) => {
      shell(
        `mkdir -p etc/conf.d usr/share/doc/a usr/lib opt/keep; echo 1 > etc/conf.d/one; echo 2 > etc/conf.d/two; echo doc > usr/share/doc/a/readme
         ln etc/conf.d/one linked; ln etc/conf.d/one linked-too; mkdir becomes-file; echo x > becomes-file/x; echo f > becomes-directory
         ln -s usr/lib lib; dd if=/dev/urandom of=usr/lib/big bs=1M count=5 status=none`,
        root,
      );
    });
    changeWithUmoci((root) => {
      shell(
        `rm -r usr/share/doc; rm etc/conf.d/one; echo changed > etc/conf.d/two; rm -r becomes-file; echo file > becomes-file
         rm becomes-directory; mkdir becomes-directory; echo in > becomes-directory/in; chmod 700 opt; chown 5:6 opt/keep; touch -d @5 opt
         echo through > lib/through; echo other > usr/lib/big; rm linked`,
        root,
      );
    });
    changeWithUmoci((root) => {
      rmSync(join(root, 'lib'));
      mkdirSync(join(root, 'lib'));
      symlinkSync('lib', join(root, 'lib64'));
      writeFileSync(join(root, 'lib/new'), 'new');
      utimesSync(join(root, 'lib/new'), 1, 1);
    });
    const tree = await compare();
    expect(tree).not.toHaveProperty(['/usr/share/doc']);
    expect(tree['/linked-too']?.links).toBe(1);
  });

  it('agrees on opaque directories and whiteouts, wherever in the layer they stand', async () => {
    const directory = (name: string): TarEntrySpec => ({ name, type: 'directory', mode: 0o755, mtime: 5 });
    const file = (name: string, content = name): TarEntrySpec => ({
      name,
      type: 'file',
      mode: 0o644,
      mtime: 6,
      content,
    });
    addRawLayer([
      directory('./'), directory('a'), file('a/1'), file('a/2'), directory('a/sub'), file('a/sub/3'),
      directory('b'), file('b/1'), file('b/2'), directory('c'), file('c/1'), file('c/2'), directory('d'), file('d/1'),
    ]); // biome-ignore format: one line a directory
    addRawLayer([
      directory('a'), file('a/.wh..wh..opq', ''), file('a/new'), directory('a/sub'), file('a/sub/4'),
      directory('b'), file('b/new'), file('b/.wh..wh..opq', ''),
      directory('c'), file('c/.wh.1', ''), file('c/2', 'again'), file('c/.wh.missing', ''), file('d/.wh.1', ''), file('d/1', 'back'),
    ]); // biome-ignore format: one line a directory
    await compare();
  });

  it('agrees on every type of file replaced by every other, also within a layer', async () => {
    const make: Record<string, (name: string) => TarEntrySpec[]> = {
      file: (name) => [{ name, mode: 0o4711, mtime: 7, content: name }],
      directory: (name) => [
        { name, type: 'directory', mode: 0o2750, uid: 3, mtime: 8 },
        { name: `${name}/in`, content: 'in', mtime: 9 },
      ],
      symlink: (name) => [{ name, type: 'symlink', linkName: 'target', mtime: 10 }],
      hardlink: (name) => [{ name, type: 'hardlink', linkName: 'target' }],
      character: (name) => [{ name, type: 'character-device', device: [1, 5], mode: 0o666, mtime: 11 }],
      block: (name) => [{ name, type: 'block-device', device: [7, 300], mode: 0o660, mtime: 12 }],
      fifo: (name) => [{ name, type: 'fifo', mode: 0o622, mtime: 13 }],
    };
    const types = Object.keys(make);
    const target: TarEntrySpec = { name: 'target', content: 'target', mtime: 5 };
    const pairs = types.flatMap((below) => types.map((above) => [below, above] as const));
    addRawLayer([
      { name: './', type: 'directory', mode: 0o755, mtime: 5 },
      target,
      ...pairs.flatMap(([below, above]) => make[below]!(`${below}-under-${above}`)),
    ]);
    addRawLayer([
      ...pairs.flatMap(([below, above]) => make[above]!(`${below}-under-${above}`)),
      ...pairs.flatMap(([first, second]) => {
        const name = `${first}-before-${second}`;
        return [...make[first]!(name), ...make[second]!(name)];
      }),
    ]);
    const tree = await compare();
    expect(Object.keys(tree).length).toBeGreaterThan(98);
    expect(tree['/directory-under-directory/in']?.mtime).toBe('9000000000');
    expect(tree).not.toHaveProperty(['/directory-under-fifo/in']);
  });

  it('agrees on hard links across layers, of every type that can have one', async () => {
    addRawLayer([
      { name: './', type: 'directory', mode: 0o755, mtime: 5 },
      { name: 'file', mode: 0o644, uid: 7, mtime: 6, content: 'first' },
      { name: 'symlink', type: 'symlink', linkName: 'nowhere', mtime: 6 },
      { name: 'device', type: 'character-device', device: [1, 3], mtime: 6 },
      { name: 'fifo', type: 'fifo', mtime: 6 },
      { name: 'd', type: 'directory', mode: 0o755, mtime: 6 },
    ]);
    addRawLayer(
      ['file', 'symlink', 'device', 'fifo'].flatMap((name): TarEntrySpec[] => [
        { name: `d/${name}`, type: 'hardlink', linkName: name },
        { name: `d/${name}-absolute`, type: 'hardlink', linkName: `/${name}` },
        { name: `d/${name}-again`, type: 'hardlink', linkName: `d/${name}` },
      ]),
    );
    addRawLayer([
      { name: 'd', type: 'directory', mode: 0o700, mtime: 8 },
      { name: 'file', content: 'second', mtime: 9 },
      { name: '.wh.fifo', content: '' },
      { name: 'd/.wh.device-again', content: '' },
    ]);
    const tree = await compare();
    expect(tree['/d/file']).toMatchObject({ links: 3, uid: 7 });
    expect(tree['/file']?.links).toBe(1);
    expect(tree['/d/device']?.links).toBe(3);
  });

  it('agrees on the metadata of directories, which come last however their content comes', async () => {
    const directory = (name: string, mode: number, mtime: number): TarEntrySpec => ({
      name,
      type: 'directory',
      mode,
      mtime,
    });
    addRawLayer([
      directory('./', 0o755, 5),
      directory('closed', 0o000, 6),
      directory('read-only', 0o555, 7),
      directory('read-only/deep', 0o500, 8),
      { name: 'read-only/deep/file', content: '1', mtime: 9 },
      { ...directory('marked', 0o711, 10), uid: 70_000, pax: { 'SCHILY.xattr.user.layer': '1', mtime: '10.25' } },
    ]);
    addRawLayer([
      { name: 'closed/file', content: '2', mtime: 11 },
      { name: 'read-only/deep/file', content: '2', mtime: 12 },
      { name: 'read-only/new', content: '2', mtime: 13 },
      directory('read-only', 0o555, 14),
      directory('closed', 0o000, 15),
      directory('read-only/deep', 0o500, 16),
      { ...directory('marked', 0o4700, 17), gid: 9, pax: { 'SCHILY.xattr.user.other': '2', mtime: '-17.000000001' } },
      directory('./', 0o1777, 18),
    ]);
    const tree = await compare();
    expect(tree['/']).toMatchObject({ mode: '0o41777', mtime: '18000000000' });
    expect(tree['/marked']).toMatchObject({ uid: 0, gid: 9, mtime: '-17000000001' });
    expect(Object.keys(tree['/marked']!.xattrs)).toEqual(['user.other']);
  });

  it('agrees on names with dots, slashes and bytes of all kinds', async () => {
    const all = Array.from({ length: 255 }, (_, at) => String.fromCharCode(at + 1)).filter((byte) => byte !== '/');
    // Directories behind their content: umoci gives those that get more afterwards the time of now.
    addRawLayer([
      { name: './a/./b//c', content: '1', mtime: 5 },
      { name: '/absolute/file', content: '2', mtime: 5 },
      { name: '/absolute/', type: 'directory', mode: 0o700, mtime: 5 },
      { name: 'a/../beside', content: '3', mtime: 5 },
      { name: 'a/b/', type: 'directory', mode: 0o750, mtime: 6 },
      { name: 'twice', content: 'first', mtime: 5 },
      { name: './twice', content: 'second', mode: 0o600, mtime: 6 },
      ...all.map((byte): TarEntrySpec => ({ name: `bytes/-${byte}-`, content: byte, mtime: 5 })),
      { name: 'bytes', type: 'directory', mode: 0o755, mtime: 5 },
      { name: './a/', type: 'directory', mode: 0o755, mtime: 5 },
      { name: './', type: 'directory', mode: 0o755, mtime: 5 },
    ]);
    const tree = await compare();
    expect(Object.keys(tree).filter((name) => name.startsWith('/bytes/'))).toHaveLength(254);
    expect(tree['/twice']?.size).toBe(6);
  });

  it('agrees on archives of GNU tar with sparse files and long names', async () => {
    const tree = join(work, 'tree');
    mkdirSync(join(tree, 'copy'), { recursive: true });
    const longPath = 'long-directory-name/'.repeat(10);
    shell(
      `truncate -s 30M sparse; for at in 0 1000 3000 7000; do dd if=/dev/urandom of=sparse bs=4096 count=2 seek=$at conv=notrunc status=none; done
       mkdir -p ${longPath}; echo x > ${longPath}${'f'.repeat(200)}; ln -s ${'t'.repeat(300)} long-link`,
      join(tree, 'copy'),
    );
    const digest = (await run('sha256sum', join(tree, 'copy/sparse'))).slice(0, 64);
    let name = 'copy';
    for (const version of ['0.0', '0.1', '1.0']) {
      shell(`mv tree/${name} tree/copy-${version}`, work);
      name = `copy-${version}`;
      shell(`tar --sparse --format=posix --sparse-version=${version} -cf layer.tar -C tree .`, work);
      shell('umoci raw add-layer --image oci:test layer.tar', work);
    }
    const files = await compare();
    expect(files['/copy-1.0/sparse']?.size).toBe(30 * 1024 ** 2);
    expect(files['/copy-1.0/sparse']?.sha256).toBe(digest);
  });
});
