import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Box, bootBox } from './support/box.js';

let box: Box;
beforeAll(async () => {
  box = await bootBox({ init: { privileged: true } });
});
afterAll(() => box?.[Symbol.asyncDispose]());

const stdout = async (line: string, options = {}) => (await box.sh(line, options)).stdout;

describe('a privileged container', () => {
  it('leaves root every capability of the machine, and another user none', async () => {
    const all = await stdout('grep -E "Cap(Prm|Eff|Bnd)" /proc/self/status');
    const sets = all
      .trim()
      .split('\n')
      .map((line) => BigInt(`0x${line.split(':\t')[1]}`));
    // CAP_CHECKPOINT_RESTORE (40) is the last one kernels of today know.
    expect(sets).toEqual([2n ** 41n - 1n, 2n ** 41n - 1n, 2n ** 41n - 1n]);
    expect(await stdout('grep CapEff /proc/self/status', { user: 'alice' })).toBe('CapEff:\t0000000000000000\n');
  });

  it('masks nothing and keeps nothing read-only', async () => {
    expect(await box.sh('mkdir /tmp/t && mount -t tmpfs tmpfs /tmp/t && umount /tmp/t')).toMatchObject({ exitCode: 0 });
    expect(await stdout('echo 7 > /proc/sys/vm/swappiness && cat /proc/sys/vm/swappiness')).toBe('7\n');
    expect(await stdout('grep -cE " /(proc|sys|dev)/?[a-z]* .* ro," /proc/self/mountinfo')).toBe('0\n');
    expect(Number(await stdout('wc -l < /proc/interrupts'))).toBeGreaterThan(1);
  });

  it('has all devices of the machine, and a node made on its disk opens what it names', async () => {
    const { exitCode, stderr } = await box.sh(
      'test -b /dev/vda && test -c /dev/null && mknod /root-null c 1 3 && echo x > /root-null',
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await stdout('ls /dev/pts /dev/shm /dev/mqueue > /dev/null && readlink /dev/fd')).toBe('/proc/self/fd\n');
  });

  it('owns its part of the cgroup tree: every controller of the machine, and processes in a leaf', async () => {
    expect(await stdout('cat /proc/self/cgroup /proc/1/cgroup')).toBe('0::/main\n0::/main\n');
    const controllers = (await stdout('cat /sys/fs/cgroup/cgroup.controllers')).trim().split(' ');
    expect(controllers).toContain('memory');
    expect(controllers).toContain('pids');
    const given = (await stdout('cat /sys/fs/cgroup/cgroup.subtree_control')).trim().split(' ');
    expect(given.sort()).toEqual(controllers.sort());
    const made =
      'mkdir /sys/fs/cgroup/mine && echo 5 > /sys/fs/cgroup/mine/pids.max && cat /sys/fs/cgroup/mine/pids.max';
    expect(await stdout(made)).toBe('5\n');
  });
});
