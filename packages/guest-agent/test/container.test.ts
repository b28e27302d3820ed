import { symlink, unlink, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Box, bootBox } from './support/box.js';
import { failure } from './support/failure.js';

/** Docker's default set: 14 capabilities. */
const DOCKER_CAPABILITIES = '00000000a80425fb';

let box: Box;
beforeAll(async () => {
  box = await bootBox({
    init: {
      hostname: 'my-box.example',
      wallClock: new Date('2031-02-03T04:05:06Z'),
      hosts: '127.0.0.1 localhost\n192.0.2.1 elsewhere\n',
      resolvConf: 'nameserver 192.0.2.53\n',
    },
    decorate: async (root) => {
      await symlink('../run/systemd/resolve/stub-resolv.conf', `${root}/etc/resolv.conf`);
      await writeFile(`${root}/etc/hostname`, 'of-the-image\n');
    },
  });
});
afterAll(() => box?.[Symbol.asyncDispose]());

const stdout = async (line: string, options = {}) => (await box.sh(line, options)).stdout;

describe('the privileges of a command', () => {
  it("are exactly Docker's default capabilities for root", async () => {
    const status = await stdout('grep Cap /proc/self/status');
    expect(capabilities(status)).toEqual({
      CapInh: '0000000000000000',
      CapPrm: DOCKER_CAPABILITIES,
      CapEff: DOCKER_CAPABILITIES,
      CapBnd: DOCKER_CAPABILITIES,
      CapAmb: '0000000000000000',
    });
  });

  it('are none for another user, who can gain no more than the default set', async () => {
    const status = await stdout('grep Cap /proc/self/status', { user: 'alice' });
    expect(capabilities(status)).toMatchObject({
      CapPrm: '0000000000000000',
      CapEff: '0000000000000000',
      CapBnd: DOCKER_CAPABILITIES,
    });
  });

  it('do not reach to mounting, setting the host name or the clock', async () => {
    expect(await box.run(['mount', '-t', 'tmpfs', 'tmpfs', '/tmp'])).toMatchObject({ exitCode: 1 });
    expect(await box.run(['hostname', 'other'])).toMatchObject({ exitCode: 1 });
    expect(await box.run(['umount', '/proc/kcore'])).toMatchObject({ exitCode: 1 });
  });

  it('allow a million open files and begin with no signal blocked or ignored', async () => {
    expect(await stdout('ulimit -n')).toBe('1048576\n');
    const status = await box.run(['grep', '-E', 'Sig(Blk|Ign)', '/proc/self/status']);
    expect(status.stdout).toBe('SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n');
  });

  it('begin with the three standard descriptors and no other', async () => {
    expect((await box.run(['ls', '/proc/self/fd'])).stdout).toBe('0\n1\n2\n3\n'); // 3 is the directory ls reads
  });
});

describe('the namespaces of the container', () => {
  it('are the same for every command, and its process 1 is an init that is not the command', async () => {
    const look = 'for n in pid mnt ipc uts cgroup; do readlink /proc/self/ns/$n; done';
    const first = await stdout(look);
    expect(await stdout(look, { user: 'root' })).toBe(first);
    expect(first.trim().split('\n')).toHaveLength(5);
    expect(await stdout('cat /proc/1/comm')).toBe('boxlite-init\n');
  });

  it('show no process of the machine but those of the container', async () => {
    const names = await stdout('cat /proc/[0-9]*/comm');
    expect(names).not.toContain('kthreadd');
    expect(names).not.toContain('boxlite-guest');
    expect(names.split('\n').filter((name) => name === 'boxlite-init')).toHaveLength(1);
  });

  it('keep process 1 closed to root of the container: no memory, no files, no root of it', async () => {
    for (const path of ['exe', 'root', 'cwd', 'fd']) {
      expect((await box.run(['ls', '-l', `/proc/1/${path}`])).stderr).toContain('Permission denied');
    }
    for (const path of ['environ', 'mem', 'maps', 'root/etc/passwd']) {
      expect((await box.run(['cat', `/proc/1/${path}`])).stderr).toContain('Permission denied');
    }
  });

  it('survive what the container sends to its process 1', async () => {
    for (const signal of ['TERM', 'INT', 'KILL', 'USR1', 'HUP']) await box.sh(`kill -${signal} 1`);
    expect(await stdout('cat /proc/1/comm')).toBe('boxlite-init\n');
  });

  it('have their own cgroup, seen as the root of the hierarchy', async () => {
    expect(await stdout('cat /proc/self/cgroup')).toBe('0::/\n');
    expect(await stdout('cat /sys/fs/cgroup/cgroup.procs | wc -l')).not.toBe('0\n');
  });

  it('have the host name of the box', async () => {
    expect(await stdout('hostname; cat /etc/hostname')).toBe('my-box.example\nmy-box.example\n');
  });

  it('have a loopback interface that is up', async () => {
    expect(await stdout('ip addr show lo')).toContain('127.0.0.1/8');
  });
});

describe('the files of the container', () => {
  it('are those of the image: nothing of the agent can be reached', async () => {
    expect(await box.run(['ls', '/boxlite'])).toMatchObject({ exitCode: 1 });
    expect(await stdout('cat /proc/mounts')).not.toMatch(/boxlite|vdb|devtmpfs/);
    expect(await stdout('grep " / " /proc/mounts')).toMatch(/^\/dev\/vda \/ ext4 rw,nodev/);
  });

  it('have a /dev of six devices, the terminals, and no disk', async () => {
    const names = 'console core fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero';
    expect((await stdout('ls /dev')).trim().split('\n')).toEqual(names.split(' '));
    expect(await stdout('head -c 4 /dev/zero | md5sum; echo x > /dev/null; head -c 4 /dev/urandom | wc -c')).toContain(
      '4\n',
    );
    expect((await box.sh('echo x > /dev/full')).exitCode).not.toBe(0);
  });

  it('can hold device nodes, which open nothing: neither disk can be read, wherever the node is made', async () => {
    const numbers = (await stdout('cat /sys/block/vda/dev /sys/block/vdb/dev')).trim().split('\n');
    expect(numbers).toHaveLength(2);
    for (const directory of ['/tmp', '/dev', '/dev/shm', '/root']) {
      for (const number of numbers) {
        const node = `${directory}/disk`;
        const line = `mknod ${node} b ${number.replace(':', ' ')} && head -c 1 ${node}; rm ${node}`;
        expect(await box.sh(line)).toMatchObject({ stdout: '', stderr: `head: ${node}: Permission denied\n` });
      }
    }
  });

  it('have no other way to a device by making a user namespace', async () => {
    const attempts = 'mount -t tmpfs none /tmp && mknod /tmp/d b 254 0; umount /proc/sys; mount -o remount,bind,dev /';
    const { stderr } = await box.sh(`unshare -Urm sh -c "${attempts}"`);
    expect(stderr).toMatch(/^mknod: .*not permitted\numount: .*Invalid argument\nmount: permission denied/);
  });

  it('have what Docker masks masked and what it makes read-only read-only', async () => {
    expect(await stdout('cat /proc/kcore /proc/keys /proc/timer_list; ls /sys/firmware')).toBe('');
    for (const path of ['/proc/sys/kernel/hostname', '/proc/sysrq-trigger', '/sys/kernel/profiling']) {
      expect((await box.sh(`echo 1 > ${path}`)).stderr).toMatch(/Read-only|nonexistent|Permission/);
    }
  });

  it('have the hosts and resolv.conf of the box, also where the image has a dangling symlink', async () => {
    expect(await stdout('cat /etc/hosts /etc/resolv.conf')).toBe(
      '127.0.0.1 localhost\n192.0.2.1 elsewhere\nnameserver 192.0.2.53\n',
    );
    expect((await box.sh('echo 192.0.2.2 added >> /etc/hosts; grep added /etc/hosts')).exitCode).toBe(0);
  });

  it('have the clock the host gave', async () => {
    expect(await stdout('date -u +%Y-%m-%d')).toBe('2031-02-03\n');
  });
});

describe('init', () => {
  it('is refused a second time', async () => {
    expect(await failure(box.client.init({ hostname: 'again' }))).toMatchObject({ code: 'invalid_state' });
    expect(await stdout('hostname')).toBe('my-box.example\n');
  });

  it('must come before any exec', async () => {
    await using bare = await bootBox({ init: null });
    expect(await failure(bare.run(['true']))).toMatchObject({ code: 'invalid_state' });
  });

  it('names the disk that is not there or cannot be mounted, and may then be tried again', async () => {
    await using bare = await bootBox({ init: null });
    expect(await failure(bare.client.init({ hostname: 'a', disk: '/dev/vdz' }))).toMatchObject({
      code: 'not_found',
      details: { field: 'disk' },
    });
    expect(await failure(bare.client.init({ hostname: 'a', disk: '/etc/passwd' }))).toMatchObject({
      code: 'invalid_argument',
    });
    await bare.client.init({ hostname: 'a' });
    expect(await bare.run(['true'])).toMatchObject({ exitCode: 0 });
  });
});

describe('a hostile image', () => {
  it.each(['proc', 'dev', 'sys'])('with a symlink at /%s is refused with the reason', async (name) => {
    const decorate = (root: string) => symlink('/tmp', `${root}/${name}`);
    expect(await failure(bootBox({ decorate }))).toMatchObject({ code: 'image_invalid' });
  });

  it('that points its files of /etc at the kernel or at a terminal has no effect on either, and the box runs', async () => {
    await using hostile = await bootBox({
      init: { resolvConf: 'nameserver 192.0.2.53\n' },
      decorate: async (root) => {
        await symlink('/proc/version', `${root}/etc/hosts`);
        await symlink('/proc/self/fd/0', `${root}/etc/hostname`);
        await symlink('../../../../../../dev/null', `${root}/etc/resolv.conf`);
        await unlink(`${root}/etc/passwd`);
        await symlink('/dev/zero', `${root}/etc/passwd`);
      },
    });
    expect(await hostile.sh('grep -c " /proc/version " /proc/mounts; wc -c < /dev/null')).toMatchObject({
      stdout: '0\n0\n',
    });
    expect(await failure(hostile.run(['true'], { user: 'root' }))).toMatchObject({ code: 'user_not_found' });
  });

  it('whose passwd is a FIFO does not hold up anything', async () => {
    await using hostile = await bootBox({
      decorate: async (root) => {
        const { execFileSync } = await import('node:child_process');
        await unlink(`${root}/etc/passwd`);
        execFileSync('mkfifo', [`${root}/etc/passwd`]);
      },
    });
    expect(await hostile.run(['true'])).toMatchObject({ exitCode: 0 });
  });
});

function capabilities(status: string): Record<string, string> {
  return Object.fromEntries(
    status
      .trim()
      .split('\n')
      .map((line) => line.split(':\t') as [string, string]),
  );
}
