import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Box, bootBox } from './support/box.js';
import { failure } from './support/failure.js';

const UID = 1234;

/** Debian's virtiofsd has to be root. */
const asRoot = describe.skipIf(process.geteuid?.() !== 0);

asRoot('volumes', () => {
  let host: string;
  let box: Box;

  beforeAll(async () => {
    host = await mkdtemp(join(tmpdir(), 'boxlite-volumes-'));
    await mkdir(join(host, 'data/nested'), { recursive: true });
    await mkdir(join(host, 'single'));
    await writeFile(join(host, 'data/greeting'), 'hello from the host\n');
    await writeFile(join(host, 'data/nested/set-id'), '#!/bin/sh\n', { mode: 0o755 });
    await chmod(join(host, 'data/nested/set-id'), 0o4755);
    await symlink('/etc/hostname', join(host, 'data/climbing'));
    await writeFile(join(host, 'single/app.conf'), 'one\n');
    await writeFile(join(host, 'single/neighbour'), 'not shared\n');
    await chown(join(host, 'single/app.conf'), UID, UID);
    box = await bootBox({
      shares: [
        { tag: 'uservol0', directory: join(host, 'data') },
        { tag: 'uservol1', directory: join(host, 'single') },
      ],
      decorate: async (root) => {
        await symlink('var/lib', join(root, 'link'));
        await mkdir(join(root, 'var/lib'), { recursive: true });
      },
      init: {
        volumes: [
          { tag: 'uservol0', destination: '/data', readOnly: false },
          { tag: 'uservol0', destination: '/data/nested/again', readOnly: true },
          { tag: 'uservol1', destination: '/new/place/app.conf', readOnly: false, file: 'app.conf' },
          { tag: 'uservol0', destination: '/link/data', readOnly: false },
        ],
      },
    });
  });
  afterAll(async () => {
    await box?.[Symbol.asyncDispose]();
    await rm(host, { recursive: true, force: true });
  });

  it('show a directory of the host at a place the image does not have', async () => {
    expect((await box.sh('cat /data/greeting')).stdout).toBe('hello from the host\n');
    await box.sh('echo from the box > /data/answer');
    expect(await readFile(join(host, 'data/answer'), 'utf8')).toBe('from the box\n');
  });

  it('show a single file without its neighbours, and write to the file itself', async () => {
    expect((await box.sh('ls -A /new/place; cat /new/place/app.conf')).stdout).toBe('app.conf\none\n');
    await box.sh('echo two >> /new/place/app.conf');
    expect(await readFile(join(host, 'single/app.conf'), 'utf8')).toBe('one\ntwo\n');
    expect((await stat(join(host, 'single/app.conf'))).uid).toBe(UID);
  });

  it('lie in each other when their paths do, and are read-only when asked', async () => {
    const { stdout } = await box.sh('cat /data/nested/again/greeting; touch /data/nested/again/x; echo $?');
    expect(stdout).toBe('hello from the host\n1\n');
  });

  it('follow the symlinks of the image within the container', async () => {
    expect((await box.sh('cat /var/lib/data/greeting')).stdout).toBe('hello from the host\n');
  });

  it('resolve symlinks of the host within the container, not on the host', async () => {
    expect((await box.sh('cat /data/climbing')).stdout).toBe('testbox\n');
  });

  it('are nosuid and nodev: neither set-user-id files nor device nodes of the host mean anything', async () => {
    const { stdout } = await box.sh("grep ' /data ' /proc/mounts");
    expect(stdout).toMatch(/^uservol0 \/data virtiofs \S*nosuid,nodev/);
  });

  it('cannot be remounted writable by root in the container', async () => {
    const { exitCode, stderr } = await box.sh('mount -o remount,rw /data/nested/again');
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/denied|permitted/);
  });

  it('leave nothing behind in the agent: the staging place is gone', async () => {
    expect((await box.sh('cat /proc/mounts')).stdout).not.toContain('/tmp/volume');
    expect(existsSync(join(host, 'data/nested/again'))).toBe(true);
  });
});

asRoot('a symlink of a hostile image', () => {
  it.each([
    ['into /proc', '/trap/fd', 'image_invalid'],
    ['to a place that does not exist', '/dangling/x', 'image_invalid'],
    ['that is a loop', '/loop/x', 'image_invalid'],
  ])('%s ends the start, not the protection', async (_name, destination, code) => {
    const host = await mkdtemp(join(tmpdir(), 'boxlite-volumes-'));
    const decorate = async (root: string) => {
      await symlink('/proc/self', join(root, 'trap'));
      await symlink('/nowhere', join(root, 'dangling'));
      await symlink('loop', join(root, 'loop'));
    };
    await using box = await bootBox({ init: null, decorate, shares: [{ tag: 'uservol0', directory: host }] });
    const init = { hostname: 'testbox', volumes: [{ tag: 'uservol0', destination, readOnly: false }] };
    expect(await failure(box.client.init(init))).toMatchObject({ code, details: { field: 'volumes' } });
    await rm(host, { recursive: true });
  });
});

describe('a volume that cannot be', () => {
  let box: Box;
  beforeAll(async () => {
    box = await bootBox({ init: null });
  });
  afterAll(() => box?.[Symbol.asyncDispose]());

  it.each([
    ['a share the machine does not have', { tag: 'uservol9', destination: '/data' }, 'not_found'],
    ['a relative path', { tag: 'uservol0', destination: 'data' }, 'invalid_argument'],
    ['a climbing path', { tag: 'uservol0', destination: '/a/../b' }, 'invalid_argument'],
    ['the root', { tag: 'uservol0', destination: '/' }, 'invalid_argument'],
    ['a file name that climbs', { tag: 'uservol0', destination: '/a', file: '..' }, 'invalid_argument'],
  ])('is refused: %s', async (_name, volume, code) => {
    const init = { hostname: 'testbox', volumes: [{ readOnly: false, ...volume }] };
    expect(await failure(box.client.init(init))).toMatchObject({ code, details: { field: 'volumes' } });
  });

  it('leaves a machine that can be initialized without it', async () => {
    await box.client.init({ hostname: 'testbox' });
    expect((await box.sh('echo fine')).stdout).toBe('fine\n');
  });
});
