import { chown, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Box, Boxlite, type BoxOptions } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gapOf } from '../support/features.js';
import { patience } from '../support/patience.js';
import { runCli } from '../support/run-cli.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';

const gap = await gapOf('volumes');
const readOnlyGap = await gapOf('readOnlyVolumes');
const reason = (why: string | undefined) => (why === undefined ? '' : ` (${why})`);
const uid = process.geteuid?.() ?? 0;

let home: TemporaryHome;
let boxlite: Boxlite;
/** Outside of the BoxLite home, where a volume may not be; on the same file system, as a single file must be. */
let host: string;

beforeAll(async () => {
  home = await temporaryHome();
  boxlite = await Boxlite.open({ homeDir: home.home });
  host = await mkdtemp(join(tmpdir(), 'boxlite-volumes-'));
  await mkdir(join(host, 'data/sub'), { recursive: true });
  await mkdir(join(host, 'fixed'));
  await writeFile(join(host, 'secret'), 'of the host\n');
  await writeFile(join(host, 'data/greeting'), 'hello\n');
  await symlink(join(host, 'secret'), join(host, 'data/way-out'));
  await writeFile(join(host, 'fixed/file'), 'as it was\n');
  await writeFile(join(host, 'app.conf'), 'one\n');
});

afterAll(async () => {
  await boxlite.shutdown();
  await home.remove();
  await rm(host, { recursive: true, force: true });
});

async function started(options: BoxOptions): Promise<Box> {
  const box = await boxlite.create({ memoryMib: 256, ...options });
  await box.start();
  return box;
}

/** What a script says on stdout; on failure what it says on stderr. */
async function said(box: Box, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await box.run('sh', ['-c', script]);
  return exitCode === 0 ? Buffer.from(stdout).toString() : `${exitCode}: ${Buffer.from(stderr).toString()}`;
}

describe.skipIf(gap !== undefined)(`volumes${reason(gap)}`, () => {
  let box: Box;
  beforeAll(async () => {
    const volumes = [
      { hostPath: join(host, 'data'), guestPath: '/data' },
      { hostPath: join(host, 'app.conf'), guestPath: '/etc/app/app.conf' },
    ];
    box = await started({ volumes });
  });
  afterAll(() => box?.stop());

  it('show directories of the host, both ways', async () => {
    expect(await said(box, 'cat /data/greeting; echo answer > /data/sub/answer')).toBe('hello\n');
    expect(await readFile(join(host, 'data/sub/answer'), 'utf8')).toBe('answer\n');
    await writeFile(join(host, 'data/later'), 'made while it runs\n');
    expect(await said(box, 'cat /data/later')).toBe('made while it runs\n');
  });

  it('map the owner of a volume to the container user, and what the box makes to the owner', async () => {
    expect(await said(box, 'stat -c %u:%g /data/greeting; touch /data/made; stat -c %u /data/made')).toBe('0:0\n0\n');
    expect((await stat(join(host, 'data/made'))).uid).toBe(uid);
  });

  it('may be a single file: its neighbours are not shared with it, and writes reach the file itself', async () => {
    expect(await said(box, 'ls -A /etc/app; cat /etc/app/app.conf; echo two >> /etc/app/app.conf')).toBe(
      'app.conf\none\n',
    );
    expect(await readFile(join(host, 'app.conf'), 'utf8')).toBe('one\ntwo\n');
    expect(await readdir(join(home.home, 'boxes', box.id, 'shared/uservol1'))).toEqual(['app.conf']);
  });

  it('lead nowhere else: symlinks are followed in the box, whoever made them', async () => {
    expect(await said(box, 'cat /data/way-out')).toMatch(/^1: .*No such file/);
    await said(box, 'ln -s /etc/hostname /data/made-inside');
    expect(await readlink(join(host, 'data/made-inside'))).toBe('/etc/hostname');
    expect(await said(box, 'cat /data/made-inside')).toBe('boxlite\n');
  });

  it('bring no devices and no set-user-id programs into the box', async () => {
    expect(await said(box, 'mknod /data/null c 1 3')).toMatch(/not permitted/);
    expect(await said(box, "grep ' /data ' /proc/mounts")).toMatch(/^uservol0 \/data virtiofs \S*nosuid,nodev/);
  });

  it('do not let the box make set-user-id programs of the host', async () => {
    expect(await said(box, 'touch /data/program && chmod 4755 /data/program')).toMatch(/not permitted/);
    expect((await stat(join(host, 'data/program'))).mode & 0o6000).toBe(0);
  });

  it(
    'hold many files, more than a process may usually have open',
    async () => {
      expect(await said(box, 'mkdir /data/many && cd /data/many && seq 1 1500 | xargs touch && ls -l | wc -l')).toBe(
        '1501\n',
      );
    },
    patience(240_000),
  );

  it('are there again after stop and start, and a single file is a link no longer than the box runs', async () => {
    await box.stop();
    expect(await readdir(join(home.home, 'boxes', box.id, 'shared'))).toEqual([]);
    expect((await stat(join(host, 'app.conf'))).nlink).toBe(1);
    await box.start();
    expect(await said(box, 'cat /data/greeting; tail -n 1 /etc/app/app.conf')).toBe('hello\ntwo\n');
  });

  it('belong to a user of the box who is given by number', async () => {
    const other = await started({ user: '1234:1234', volumes: [{ hostPath: join(host, 'data'), guestPath: '/data' }] });
    expect(await said(other, 'id -u; stat -c %u /data/greeting; echo x > /data/of-1234')).toBe('1234\n1234\n');
    expect((await stat(join(host, 'data/of-1234'))).uid).toBe(uid);
    await other.stop();
  });

  it('of somebody else are told of, and are written only as others may', async () => {
    if (uid !== 0) return; // only root can give a directory away
    await mkdir(join(host, 'foreign'));
    await chown(join(host, 'foreign'), 4321, 4321);
    const messages: string[] = [];
    const log = ({ message }: { message: string }) => messages.push(message);
    await using second = await Boxlite.open({ homeDir: home.home, log });
    const other = await second.create({ volumes: [{ hostPath: join(host, 'foreign'), guestPath: '/data' }] });
    await other.start();
    expect(messages.join('\n')).toContain('belongs to user 4321');
    expect(await said(other, 'touch /data/x')).toMatch(/denied/);
    await other.stop();
  });

  it('are taken by boxlite run -v as by docker', async () => {
    const args = ['run', '--rm', '-v', `${join(host, 'data')}:/in`, '--', 'cat', '/in/greeting'];
    expect(await runCli(args, { home: home.home })).toMatchObject({ status: 0, stdout: Buffer.from('hello\n') });
  });
});

describe.skipIf(readOnlyGap !== undefined)(`a read-only volume${reason(readOnlyGap)}`, () => {
  it('cannot be written by root of the box, not after a remount either; a single file neither', async () => {
    const volumes = [
      { hostPath: join(host, 'fixed'), guestPath: '/fixed', readOnly: true },
      { hostPath: join(host, 'app.conf'), guestPath: '/app.conf', readOnly: true },
    ];
    const box = await started({ volumes });
    expect(await said(box, 'cat /fixed/file')).toBe('as it was\n');
    for (const script of ['echo x > /fixed/file', 'rm /fixed/file', 'touch /fixed/new', 'echo x > /app.conf']) {
      expect(await said(box, script)).toMatch(/Read-only file system/);
    }
    expect(await said(box, 'mount -o remount,rw /fixed')).toMatch(/permi|denied/);
    expect(await readFile(join(host, 'fixed/file'), 'utf8')).toBe('as it was\n');
    await box.stop();
  });

  it('is read-only for the VMM itself, so that a guest that owns its kernel cannot write either', async () => {
    const volumes = [{ hostPath: join(host, 'fixed'), guestPath: '/fixed', readOnly: true }];
    const box = await started({ volumes });
    const { pid } = await box.info();
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8');
    const mount = mounts.split('\n').find((line) => line.includes(` ${join(host, 'fixed')} `));
    expect(mount?.split(' ')[5]).toMatch(/(^|,)ro(,|$)/);
    await box.stop();
  });

  it('is asked for by boxlite run -v with :ro', async () => {
    const args = ['run', '--rm', '-v', `${join(host, 'fixed')}:/fixed:ro`, '--', 'touch', '/fixed/x'];
    const { status, stderr } = await runCli(args, { home: home.home });
    expect(status).toBe(1);
    expect(stderr).toContain('Read-only file system');
  });
});

describe.skipIf(gap === undefined)('a VMM without volumes', () => {
  it('refuses them before anything is spawned, with the reason', async () => {
    const box = await boxlite.create({ volumes: [{ hostPath: join(host, 'data'), guestPath: '/data' }] });
    await expect(box.start()).rejects.toMatchObject({ code: 'unsupported', details: { field: 'volumes' } });
  });
});
