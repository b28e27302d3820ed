import { execFileSync } from 'node:child_process';
import { symlink, unlink, writeFile } from 'node:fs/promises';
import { FrameType } from '@boxlite/core';
import type { PrepareOptions } from '@boxlite/guest-agent';
import { afterEach, describe, expect, it } from 'vitest';
import { patience } from '../../../test/support/patience.js';
import { type Box, bootBox } from './support/box.js';
import { failure } from './support/failure.js';

const TIMEOUT_MS = patience(60_000);
const DISK_BYTES = 64 * 1024 ** 2;
const MIB = 1024 ** 2;

let box: Box;
afterEach(() => box?.[Symbol.asyncDispose]());

/** A machine that has been prepared, and no init yet. */
async function prepared(options: PrepareOptions = {}, decorate?: (root: string) => Promise<void>): Promise<Box> {
  box = await bootBox({ init: null, ...(decorate === undefined ? {} : { decorate }) });
  await box.client.prepare(options);
  return box;
}

async function stop(): Promise<void> {
  box.vm.send({ type: FrameType.SHUTDOWN });
  await box.vm.exited;
}

describe('a machine prepared for the boxes of one image', { timeout: TIMEOUT_MS }, () => {
  it('has mounted its disk and read what it was told to; init goes on from there, and the container is like any other', async () => {
    box = await bootBox({ init: null });
    const paths = ['/bin/busybox', '/bin/sh', '/etc/passwd', '/bin', '/nowhere', '/etc/passwd/below'];
    const { readFiles, readBytes, diskUs } = await box.client.prepare({
      diskBytes: DISK_BYTES,
      paths,
      readBytes: 8 * MIB,
    });
    expect(readFiles).toBe(4);
    expect(readBytes).toBeGreaterThan(MIB);
    expect(diskUs).toBeGreaterThan(0);
    const { diskUs: again, bootId } = await box.client.init({
      hostname: 'made-later',
      diskBytes: DISK_BYTES,
      env: ['GREETING=hello'],
      hosts: '127.0.0.1 localhost\n192.0.2.1 elsewhere\n',
    });
    expect(again).toBe(0);
    const { stdout } = await box.sh(
      'hostname; cat /etc/hostname; tail -1 /etc/hosts; echo $GREETING; cat /proc/sys/kernel/random/boot_id; cat /proc/1/comm',
    );
    expect(stdout.split('\n')).toEqual([
      'made-later',
      'made-later',
      '192.0.2.1 elsewhere',
      'hello',
      bootId,
      'boxlite-init',
      '',
    ]);
    expect(
      (await box.sh('grep CapBnd /proc/self/status; echo kept > /root/file; mount | grep -c " /proc "')).stdout,
    ).toBe('CapBnd:\t00000000a80425fb\n1\n');
    await stop();
    expect(
      execFileSync('debugfs', ['-R', 'cat /root/file', box.disk], { stdio: ['ignore', 'pipe', 'ignore'] }).toString(),
    ).toBe('kept\n');
    expect(() => execFileSync('e2fsck', ['-fn', box.disk], { stdio: 'pipe' })).not.toThrow();
  });

  it('reads no more than it is told to, follows symlinks inside the image only, and waits for nothing in a hostile one', async () => {
    box = await bootBox({
      init: null,
      decorate: async (root) => {
        await unlink(`${root}/bin/sh`);
        await symlink('/../../../../boxlite/bin/boxlite-guest', `${root}/bin/sh`);
        await symlink('/loop', `${root}/loop`);
        execFileSync('mkfifo', [`${root}/etc/fifo`]);
        execFileSync('mknod', [`${root}/etc/device`, 'c', '1', '5']);
        await writeFile(`${root}/etc/large`, Buffer.alloc(3 * MIB, 1));
        await symlink('large', `${root}/etc/link`);
      },
    });
    const read = (paths: string[], readBytes: number) => ({ paths, readBytes });
    const { readFiles, readBytes } = await box.client.prepare(
      read(['/bin/sh', '/loop', '/etc/fifo', '/etc/device', '/proc/self/exe', '/etc/link', '/bin/busybox'], MIB),
    );
    // The link's file up to the bound, and then nothing more.
    expect([readFiles, readBytes]).toEqual([1, MIB]);
    await box.client.init({ hostname: 'hostile' });
    expect((await box.run(['busybox', 'echo', 'it runs'])).stdout).toBe('it runs\n');
  });

  it('refuses an image nothing can be mounted on, and can still be told to become a box, which says the same', async () => {
    box = await bootBox({ init: null, decorate: (root) => writeFile(`${root}/proc`, 'a file') });
    expect(await failure(box.client.prepare())).toMatchObject({ code: 'image_invalid' });
    expect(await failure(box.client.init({ hostname: 'late' }))).toMatchObject({ code: 'image_invalid' });
  });

  it('is prepared once, and not after init', async () => {
    await prepared();
    expect(await failure(box.client.prepare())).toMatchObject({ code: 'invalid_state' });
    await box.client.init({ hostname: 'once' });
    expect(await failure(box.client.prepare())).toMatchObject({ code: 'invalid_state' });
  });

  it('starts anew for an init that asks for what was not prepared', async () => {
    await prepared();
    const { diskUs } = await box.client.init({ hostname: 'other', resolvConf: 'nameserver 192.0.2.53\n' });
    expect(diskUs).toBeGreaterThan(0);
    expect(
      (await box.sh('cat /etc/resolv.conf; hostname; cat /proc/1/comm; touch /root/file && echo written')).stdout,
    ).toBe('nameserver 192.0.2.53\nother\nboxlite-init\nwritten\n');
  });

  it('is refused to a privileged container, and to a disk of another size', async () => {
    await prepared({ diskBytes: DISK_BYTES });
    expect(await failure(box.client.init({ hostname: 'privileged', privileged: true }))).toMatchObject({
      code: 'invalid_state',
    });
    expect(await failure(box.client.prepare({ disk: '/etc/passwd' }))).toMatchObject({ code: 'invalid_argument' });
    expect(await failure(box.client.prepare({ paths: ['bin/sh'] }))).toMatchObject({ code: 'invalid_argument' });
    await box.client.init({ hostname: 'after', diskBytes: DISK_BYTES });
  });

  it.each([
    ['on a terminal', ['tty'], { tty: { rows: 24, cols: 80 } }, '/dev/pts/0\r\n', 0],
    [
      'of another user elsewhere',
      ['sh', '-c', 'id -un; pwd; echo $WORD'],
      { user: 'alice', cwd: '/var', env: { WORD: 'w' } },
      'alice\n/var\nw\n',
      0,
    ],
    ['that fails', ['sh', '-c', 'exit 7'], {}, '', 7],
  ])(
    'runs a first command %s as any machine does, and nothing but it is to be seen',
    async (_what, argv, options, stdout, exitCode) => {
      await prepared();
      await box.client.init({ hostname: 'first' });
      expect(await box.run(argv, options)).toMatchObject({ stdout, exitCode });
      expect((await box.sh('cat /proc/[0-9]*/comm')).stdout.split('\n').sort()).toEqual(['', 'boxlite-init', 'cat']);
    },
  );

  it('tells why its first command cannot be started, and that one which was never asked for ends with it', async () => {
    await prepared();
    await box.client.init({ hostname: 'first' });
    expect(await failure(box.run(['no-such-command']))).toMatchObject({ code: 'command_not_found' });
    expect((await box.run(['true'])).exitCode).toBe(0);
    await box[Symbol.asyncDispose]();
    await prepared();
    await box.client.init({ hostname: 'unused' });
    await stop();
  });

  it('that is shut down before init leaves a clean file system', async () => {
    await prepared({ paths: ['/bin/busybox'], readBytes: MIB });
    await stop();
    expect(() => execFileSync('e2fsck', ['-fn', box.disk], { stdio: 'pipe' })).not.toThrow();
  });
});
