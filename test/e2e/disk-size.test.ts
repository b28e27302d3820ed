import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Box, Boxlite } from '@boxlite/sdk';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

const run = promisify(execFile);
const GIB = 1024 ** 3;

describe('the disk of a box', () => {
  let home: TemporaryHome;
  let boxlite: Boxlite;
  let box: Box | undefined;

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home });
  });
  afterEach(async () => {
    if (box !== undefined) await boxlite.remove(box.id, { force: true });
    box = undefined;
  });
  afterAll(async () => {
    await boxlite.shutdown();
    await home.end();
  });

  const create = async (diskSizeGb?: number): Promise<Box> => {
    box = await boxlite.create({ memoryMib: 256, ...(diskSizeGb === undefined ? {} : { diskSizeGb }) });
    return box;
  };
  const shell = async (of: Box, script: string) => {
    const { exitCode, stdout, stderr } = await of.run('sh', ['-c', script]);
    return { exitCode, stdout: Buffer.from(stdout).toString(), stderr: Buffer.from(stderr).toString() };
  };
  const sizeInside = async (of: Box) => Number((await shell(of, "df -k / | awk 'END { print $2 }'")).stdout) * 1024;
  const diskOf = ({ id }: Box) => join(home.home, 'boxes', id, 'disks', 'disk.qcow2');
  /** The whole chain as one raw disk. */
  const checkFlattened = async (of: Box) => {
    const raw = join(home.home, 'flat.raw');
    await run('qemu-img', ['convert', '-O', 'raw', diskOf(of), raw]);
    await run('e2fsck', ['-fn', raw]);
  };

  it('of 20 GiB over an image made for the default size has 20 GiB inside, keeps them over stop and start, and is sound', async () => {
    const large = await create(20);
    const size = await sizeInside(large);
    expect(size).toBeGreaterThan(19 * GIB);
    expect(size).toBeLessThan(20 * GIB);
    await shell(large, 'echo kept > /kept');
    await large.stop();
    await checkFlattened(large);
    expect(await sizeInside(large)).toBe(size);
    expect(await shell(large, 'cat /kept')).toMatchObject({ stdout: 'kept\n' });
    await large.stop();
    await checkFlattened(large);
  });

  it('of any size from the default on stands on one and the same image disk', async () => {
    expect(await sizeInside(await create())).toBeGreaterThan(9.5 * GIB);
    expect(await readdir(join(home.home, 'images', 'disk-images'))).toHaveLength(1);
  });

  it('of a smaller size than the default stands on a smaller one, grown to what was asked for', async () => {
    const small = await create(3);
    const size = await sizeInside(small);
    expect(size).toBeGreaterThan(2.8 * GIB);
    expect(size).toBeLessThan(3 * GIB);
    await small.stop();
    await checkFlattened(small);
    expect(await readdir(join(home.home, 'images', 'disk-images'))).toHaveLength(2);
  });

  it(
    'that is full is an ordinary error inside: the box lives on, files can be deleted, the host is bounded, and stop and start keep what is there',
    async () => {
      const small = await create(1);
      expect(await shell(small, 'echo before > /before')).toMatchObject({ exitCode: 0 });
      const filled = await shell(small, 'dd if=/dev/zero of=/fill bs=1M');
      expect(filled).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('No space left on device') });
      expect(await shell(small, 'echo more > /more; cat /before')).toMatchObject({ stdout: 'before\n' });
      expect((await stat(diskOf(small))).blocks * 512).toBeLessThan(1.1 * GIB);
      await small.stop();
      expect(await shell(small, 'cat /before; ls /fill; rm /fill; echo after > /after')).toMatchObject({
        exitCode: 0,
        stdout: 'before\n/fill\n',
      });
      expect(await shell(small, 'cat /after; dd if=/dev/zero of=/again bs=1M count=100')).toMatchObject({
        exitCode: 0,
        stdout: 'after\n',
      });
      await small.stop();
      await checkFlattened(small);
    },
    patience(180_000),
  );
});
