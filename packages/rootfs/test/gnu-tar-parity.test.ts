import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { buildImageDisk } from '../src/index.js';
import { checkFileSystem, isRoot, scanImage, scanTree, temporaryDirectory } from './support/host.js';
import { writeOddTree } from './support/odd-tree.js';

const shell = (script: string, cwd: string) =>
  execFileSync('bash', ['-euc', script], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

describe.skipIf(!isRoot)('a disk made from an archive, beside what GNU tar extracts from it (needs root)', () => {
  let work: string;

  beforeEach(async () => {
    work = await temporaryDirectory();
    mkdirSync(join(work, 'extracted'));
  });

  const compare = async ({ options = '', afterwards = ':' } = {}) => {
    shell(
      `tar -xpf layer.tar --numeric-owner --xattrs --xattrs-include='*' ${options} -C extracted; ${afterwards}`,
      work,
    );
    const target = join(work, 'disk.ext4');
    await buildImageDisk({ layers: [createReadStream(join(work, 'layer.tar'))], target, sizeBytes: 512 * 1024 ** 2 });
    await checkFileSystem(target);
    const expected = await scanTree(join(work, 'extracted'));
    const actual = await scanImage(target);
    expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
    expect(actual).toEqual(expected);
    return actual;
  };

  it.each(['posix', 'gnu', 'oldgnu'])('has the same tree with every odd entry (format %s)', async (format) => {
    mkdirSync(join(work, 'tree'));
    writeOddTree(join(work, 'tree'));
    const xattrs = format === 'posix' ? "--xattrs --xattrs-include='*'" : '';
    shell(`tar --format=${format} ${xattrs} --sparse -cf layer.tar -C tree .`, work);
    const tree = await compare();
    expect(tree['/holes']?.size).toBe(903 * 4096);
  });

  it.each(['v7', 'ustar'])('has the same tree with what the format %s can tell', async (format) => {
    shell(
      `mkdir -p tree/d/sub; cd tree; echo x > d/file; ln d/file hard; ln -s d/file soft; chmod 4755 d/file; chmod 1777 d/sub; touch -d @5 d/file d
       [ ${format} = v7 ] || { mknod null c 1 3; mkfifo fifo; mkdir -p ${'p'.repeat(80)}; echo y > ${'p'.repeat(80)}/${'q'.repeat(90)}; }
       cd ..; tar --format=${format} -cf layer.tar -C tree .`,
      work,
    );
    const tree = await compare();
    expect(tree['/hard']?.links).toBe(2);
  });

  it('has the same sparse files, of all four kinds and with so many pieces that the map needs blocks of its own', async () => {
    shell(
      `mkdir tree; cd tree
       for count in 1 4 5 25 26 100; do
         for at in $(seq $count); do dd if=/dev/urandom of=sparse-$count bs=4096 count=1 seek=$((at * 7)) conv=notrunc status=none; done
         truncate -s $((count * 7 * 4096 + 70000)) sparse-$count
       done; truncate -s 3M only-a-hole; touch -d @9 *; chmod 640 *; cd ..`,
      work,
    );
    for (const options of [
      '--format=gnu',
      ...['0.0', '0.1', '1.0'].map((version) => `--format=posix --sparse-version=${version}`),
    ]) {
      shell(`rm -rf extracted disk.ext4; mkdir extracted; tar --sparse ${options} -cf layer.tar -C tree .`, work);
      const tree = await compare();
      expect(tree['/sparse-100']?.size).toBe(2_937_200);
    }
  });

  it('has the same tree from an archive that was appended to, with entries twice', async () => {
    shell(
      `mkdir -p tree/d; echo 1 > tree/d/a; echo 1 > tree/b; ln tree/b tree/c; tar --format=posix -cf layer.tar -C tree d b c
       echo two > tree/d/a; rm tree/b; mkdir tree/b; echo in > tree/b/in; touch -d @77 tree/d; tar --format=posix -rf layer.tar -C tree d b`,
      work,
    );
    const tree = await compare({ options: '--recursive-unlink', afterwards: 'touch -d @0 extracted' });
    expect(tree['/d/a']?.size).toBe(4);
    expect(tree['/c']?.links).toBe(1);
  });

  it('has the same names from an archive with global headers and a volume of pax records', async () => {
    shell(
      `mkdir tree; echo x > tree/a; tar --format=posix --pax-option='globexthdr.name=g,comment=built by hand,gname:=long-group-name' -cf layer.tar -C tree .`,
      work,
    );
    await compare();
  });
});
