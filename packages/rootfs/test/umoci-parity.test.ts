import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { buildImageDisk } from '../src/index.js';
import { checkFileSystem, isRoot, run, scanImage, scanTree, temporaryDirectory } from './support/host.js';
import { readOciLayout } from './support/oci-layout.js';
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
    addLayerOfTree((root) => {
      mkdirSync(join(root, 'bin'));
      copyFileSync('/bin/busybox', join(root, 'bin/busybox'));
      copyFileSync('/bin/busybox', join(root, 'bin/ping'));
      shell(
        `
        for name in sh ls cat; do ln -s busybox bin/$name; done
        ln bin/busybox bin/hard; ln bin/busybox harder
        setcap cap_net_raw,cap_setuid,cap_sys_admin+ep bin/ping
        chmod 4755 bin/busybox; mkdir -m 1777 tmp; mkdir -m 2775 shared; chown 70000:4294967294 shared
        mkdir dev; mknod dev/null c 1 3; mknod dev/big b 259 70000; mknod dev/tty c 5 0; mkfifo -m 620 dev/fifo; chown 1000:1001 dev/fifo
        ln -s ../../../../etc/passwd climbing; ln -s /absolute/target absolute
        ln -s $(printf 'x%.0s' $(seq 59)) fast; ln -s $(printf 'x%.0s' $(seq 60)) slow; ln -s $(printf '/%.0slong' $(seq 800)) longest
        touch -h -d '2001-02-03 04:05:06.789012345' absolute
        printf x > "$(printf '\\xff\\xfe not utf8 \\n newline')"; mkdir 'ümlaut 日本'; printf y > "$(printf 'n%.0s' $(seq 255))"
        echo old > before-1970; touch -d '1965-03-04 05:06:07.000000001' before-1970
        echo new > after-2038; touch -d '2100-01-01 00:00:00.999999999' after-2038
        echo far > year-2200; touch -d '2200-01-01' year-2200
        python3 - <<'END'
import os, struct
os.setxattr('harder', 'user.short', b'value')
os.setxattr('tmp', 'user.binary', bytes(range(256)) * 4)
os.setxattr('tmp', 'trusted.mark', b'y')
for i in range(12): os.setxattr('shared', 'user.number-%d' % i, b'v' * (i + 1) * 7)
# user::rwx user:1234:r-x group::r-- mask::rwx other::---, and a default list
acl = lambda *entries: struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)
none = 0xffffffff
os.setxattr('shared', 'system.posix_acl_access', acl((1, 7, none), (2, 5, 1234), (4, 4, none), (16, 7, none), (32, 0, none)))
os.setxattr('tmp', 'system.posix_acl_default', acl((1, 7, none), (4, 5, none), (8, 5, 70000), (16, 7, none), (32, 1, none)))
END
        mkdir -p deep/$(printf 'd/%.0s' $(seq 100)); echo bottom > deep/$(printf 'd/%.0s' $(seq 100))file
        mkdir many; (cd many; seq -f 'file-with-a-longer-name-%g' 1000 | xargs touch -d @1234567890.5)
        `,
        root,
      );
      writeFileSync(join(root, 'sparse'), 'start');
      truncateSync(join(root, 'sparse'), 20 * 1024 ** 2);
      execFileSync('dd', ['if=/dev/urandom', `of=${join(root, 'holes')}`, 'bs=4096', 'count=3', 'seek=3000'], {
        stdio: 'ignore',
      });
      for (const size of [0, 1, 4095, 4096, 4097, 1_048_577])
        writeFileSync(join(root, `size-${size}`), Buffer.alloc(size, 'z'));
    });
    const tree = await compare();
    expect(tree['/bin/ping']?.xattrs).toHaveProperty(['security.capability']);
    expect(tree['/before-1970']?.mtime).toBe('-152391232999999999');
    expect(tree['/dev/big']?.device).toBe('259:70000');
    expect(tree['/bin/hard']?.links).toBe(3);
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
