import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { patience } from '../support/patience.js';
import { type KernelBox, startKernelBox } from './support/kernel-box.js';
import { whyNoOwnKernel } from './support/own-kernel.js';

const missing = await whyNoOwnKernel();

/** What is promised of the kernel, each shown by a program that uses it inside a box. */
describe.skipIf(missing !== undefined)(`the kernel of a box${missing === undefined ? '' : ` (${missing})`}`, () => {
  let machine: KernelBox;
  beforeAll(async () => {
    machine = await startKernelBox({ cpus: 2, memoryMib: 512 });
  }, patience(60_000));
  afterAll(() => machine?.[Symbol.asyncDispose]());

  const probe = (name: string, ...args: readonly string[]) => machine.probe(name, ...args);
  const sh = (script: string) => machine.sh(script);

  describe('file systems', () => {
    it('ext4: holes, shared mappings, extended attributes of every kind, access control lists', async () => {
      expect(await sh("grep ' / ' /proc/self/mounts")).toContain(' / ext4 rw');
      await probe('disk', '/root');
    });

    it('tmpfs: bounded, with extended attributes', () => probe('tmpfs', '/tmp/tmpfs'));

    it('overlay: copies up, removes and hides, and leaves the lower layer alone', () =>
      probe('overlay', '/tmp/overlay'));

    it('fuse: a process serves a file system', () => probe('fuse', '/tmp/fuse'));

    it('erofs and virtiofs are known', async () => {
      const known = (await sh('cat /proc/filesystems')).split(/\s+/);
      expect(known).toEqual(expect.arrayContaining(['erofs', 'virtiofs']));
    });

    it('a file becomes a block device (loop)', async () => {
      const script = `cd /root && truncate -s 8M image && device=$(losetup -f) && losetup "$device" image
        cat "/sys/block/\${device#/dev/}/size" && losetup -d "$device" && rm image`;
      expect(await sh(script)).toBe('16384\n');
    });
  });

  describe('network', () => {
    it('TCP over IPv4 and IPv6', () => probe('tcp'));

    it('vsock: the device, and a connection of the machine to itself', () => probe('vsock'));

    it('tun and tap: a program is the other end of a link', () => probe('tun'));
  });

  describe('namespaces', () => {
    it.each(['mnt', 'pid', 'net', 'ipc', 'uts', 'user', 'cgroup', 'time'])(
      'another %s namespace, and back',
      async (kind) => {
        const [before, within] = (await probe('unshare', kind)).trim().split(' ');
        expect(within).not.toBe(before);
      },
    );

    it('user: an ordinary user is root in one of their own, and nobody outside', () => probe('user-namespace'));

    it('pid: the first process is 1', () => probe('pid-namespace'));

    it('ipc: message queues of one are not in another', () => probe('ipc-namespace'));

    it('cgroup: a process sees its own cgroup as the root', () => probe('cgroup-namespace'));

    it('time: a boot time of its own', () => probe('time-namespace'));
  });

  describe('cgroup v2', () => {
    it('has every controller', async () => {
      const controllers = (await sh('cat /sys/fs/cgroup/cgroup.controllers')).trim().split(' ');
      expect(controllers).toEqual(expect.arrayContaining(['cpuset', 'cpu', 'io', 'memory', 'hugetlb', 'pids', 'misc']));
    });

    it('memory: who uses more is killed, and counted', () => probe('memory-limit'));

    it('pids: one fork too many is refused', () => probe('pids-limit'));

    it('cpu: who has used its share waits', () => probe('cpu-limit'));

    it('cpuset: one processor of two', () => probe('cpuset'));

    it('io: writes to a disk are held to a rate', async () => {
      const script = `cgroup=/sys/fs/cgroup/probe-io && mkdir $cgroup && device=$(cat /sys/block/vda/dev) &&
        echo "$device wbps=4194304" > $cgroup/io.max && begin=$(cut -d. -f1 /proc/uptime) &&
        sh -c "echo 0 > $cgroup/cgroup.procs && dd if=/dev/zero of=/root/io bs=1M count=12 conv=fsync 2> /dev/null" &&
        end=$(cut -d. -f1 /proc/uptime) && rm /root/io && grep -o 'wbytes=[0-9]*' $cgroup/io.stat && rmdir $cgroup && echo $((end - begin))`;
      const [bytes, seconds] = (await sh(script)).trim().split('\n');
      expect(Number(bytes?.replace('wbytes=', ''))).toBeGreaterThanOrEqual(12 * 1024 * 1024);
      expect(Number(seconds)).toBeGreaterThanOrEqual(2);
    });

    it('hugetlb and misc: limits can be set', async () => {
      const script = `cgroup=/sys/fs/cgroup/probe-others && mkdir $cgroup && echo 2M > $cgroup/hugetlb.2MB.max &&
        cat $cgroup/hugetlb.2MB.max && test -e $cgroup/misc.max && rmdir $cgroup`;
      expect(await sh(script)).toBe('2097152\n');
    });

    it('freezes what a group holds, and lets it go on', () => probe('freeze'));

    it('BPF decides on devices, as container runtimes have it', () => probe('device-program'));
  });

  describe('confinement', () => {
    it('seccomp: a filter answers a system call', () => probe('seccomp-filter'));

    it('seccomp: another process answers a system call', () => probe('seccomp-notification'));

    it('Landlock, at least its second version, denies what no rule allows', () => probe('landlock'));
  });

  describe('messages and events', () => {
    it('POSIX message queues', () => probe('mqueue'));

    it('inotify', () => probe('inotify', '/tmp'));

    it('io_uring works, and a sysctl switches it off and on again', async () => {
      await probe('io-uring');
      const setting = '/proc/sys/kernel/io_uring_disabled';
      await sh(`echo 2 > ${setting}`);
      await expect(probe('io-uring')).rejects.toThrow('Operation not permitted');
      await sh(`echo 0 > ${setting}`);
      await probe('io-uring');
    });
  });

  describe('memory', () => {
    it('swap: memory goes out to a file, and comes back', async () => {
      await sh(
        'cd /root && dd if=/dev/zero of=swap bs=1M count=64 2> /dev/null && chmod 600 swap && mkswap swap && swapon swap',
      );
      expect(await probe('pageout', '32')).toMatch(/^\d{5} KiB went out\n$/);
      await sh('swapoff /root/swap && rm /root/swap');
    });

    it('zram: memory goes out compressed, and comes back', async () => {
      const device = `zram${(await sh('cat /sys/class/zram-control/hot_add')).trim()}`;
      await sh(`echo 128M > /sys/block/${device}/disksize && mkswap /dev/${device} && swapon /dev/${device}`);
      expect(await probe('pageout', '32')).toMatch(/^\d{5} KiB went out\n$/);
      const [stored, compressed] = (await sh(`cat /sys/block/${device}/mm_stat`)).trim().split(/\s+/).map(Number);
      expect(compressed).toBeLessThan(Number(stored));
      await sh(`swapoff /dev/${device} && echo 1 > /sys/block/${device}/reset`);
    });
  });
});
