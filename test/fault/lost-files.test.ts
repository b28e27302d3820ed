import { open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Box, Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

describe('files that are lost or damaged under a stopped box', () => {
  let home: TemporaryHome;
  let boxlite: Boxlite;
  let box: Box;
  const inHome = (...path: string[]) => join(home.home, ...path);
  const only = async (...path: string[]) => {
    const [name = 'nothing'] = await readdir(inHome(...path));
    return inHome(...path, name);
  };

  beforeAll(async () => {
    home = await temporaryHome();
    boxlite = await Boxlite.open({ homeDir: home.home });
    box = await boxlite.create({ memoryMib: 128, name: 'loser' });
    await box.run('sh', ['-c', 'echo kept > /root/kept && sync']);
    await box.stop();
  });
  afterAll(async () => {
    await boxlite.shutdown();
    await home.remove();
  });

  async function expectRuns(): Promise<void> {
    expect(Buffer.from((await box.run('cat', ['/root/kept'])).stdout).toString()).toBe('kept\n');
    await box.stop();
  }

  it('an image disk: the start fails and names it, and works once it is back', async () => {
    const disk = await only('images', 'disk-images');
    await rename(disk, `${disk}.away`);
    await expect(box.start()).rejects.toMatchObject({
      code: 'disk_chain_invalid',
      message: expect.stringContaining(disk),
      hint: expect.stringContaining('boxlite rm'),
    });
    expect(await box.info()).toMatchObject({ status: 'failed', errorReason: expect.stringContaining(disk) });
    await rename(`${disk}.away`, disk);
    await expectRuns();
  });

  it('the disk of the box: the start fails and names it; no empty disk takes its place in silence', async () => {
    const disk = inHome('boxes', box.id, 'disks', 'disk.qcow2');
    await rename(disk, inHome('disk.away'));
    const lost = { code: 'storage_error', message: expect.stringContaining(disk), details: { path: disk } };
    await expect(box.start()).rejects.toMatchObject(lost);
    await expect(box.run('true')).rejects.toMatchObject(lost);
    await rename(inHome('disk.away'), disk);
    await expectRuns();
  });

  it('the whole directory of a box: the start says what is lost, and the box can be removed', async () => {
    const victim = await boxlite.create({ memoryMib: 128 });
    await victim.start();
    await victim.stop();
    await rm(inHome('boxes', victim.id), { recursive: true });
    await expect(victim.start()).rejects.toMatchObject({
      code: 'storage_error',
      hint: expect.stringContaining('create it again'),
    });
    await boxlite.remove(victim.id);
    expect(await boxlite.get(victim.id)).toBeNull();
  });

  it('the guest rootfs and the kernel: both are made again', async () => {
    await rm(inHome('bases'), { recursive: true });
    await rm(inHome('kernels'), { recursive: true });
    await expectRuns();
    expect(await readdir(inHome('bases'))).toHaveLength(1);
  });

  it('a guest rootfs that is damaged: the start fails with the panic of the kernel, not with a time-out', async () => {
    const rootfs = await only('bases');
    const file = await open(rootfs, 'r+');
    await file.write(Buffer.alloc(4096), 0, 4096, 0);
    await file.close();
    await expect(box.start()).rejects.toMatchObject({
      code: 'vmm_failed',
      message: expect.stringMatching(/Kernel panic/),
      details: { exit: { kind: 'Panic' } },
    });
    expect(await box.info()).toMatchObject({ status: 'failed', errorReason: expect.stringContaining('Kernel panic') });
    await rm(rootfs);
    await expectRuns();
  });
});
