import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAgentClient } from '@boxlite/guest-agent';
import { afterAll, describe, expect, it } from 'vitest';
import { finish } from '../../packages/guest-agent/test/support/box.js';
import { makeBusyboxDisk, makeGuestRootfs } from '../../packages/guest-agent/test/support/disks.js';
import { cachedKernel } from '../../packages/guest-kernel/kernel/index.mjs';
import { bootAgent } from '../../test/support/boot-agent.js';
import { buildObstacle, makeNative } from '../platform-packages/build-set.mjs';
import { ROOT } from '../platform-packages/platform-set.mjs';
import { ARM64_EMULATOR, arm64MachineFiles, arm64MachineObstacle } from '../toolchain/arm64-machine.mjs';
import { ensureArm64Sysroot } from '../toolchain/arm64-sysroot.mjs';
import { cpioArchive } from '../toolchain/cpio-archive.mjs';

const kernel = cachedKernel('linux-arm64');
const obstacle = kernel === undefined ? 'npm run build:kernel -- --target linux-arm64' : arm64MachineObstacle();
const agentObstacle = obstacle ?? buildObstacle('linux-arm64') ?? ensureArm64Sysroot();
const image = join(kernel?.directory ?? '', 'Image');

/** Without firmware, PCI and modules; disks and ports in the order they are named. */
const machine = (disks: readonly string[], more: readonly string[]) => [
  ...['-M', 'virt', '-cpu', 'cortex-a72', '-smp', '2', '-m', '256M', '-accel', 'tcg,tb-size=64', '-nodefaults'],
  ...['-no-reboot', '-display', 'none', '-kernel', image, '-global', 'virtio-mmio.force-legacy=false'],
  ...['-object', 'rng-builtin,id=rng', '-device', 'virtio-rng-device,rng=rng'],
  ...disks.flatMap((file, index) => [
    ...['-drive', `id=d${index},file=${file},format=raw,if=none`],
    ...['-device', `virtio-blk-device,drive=d${index}`],
  ]),
  ...['-device', 'virtio-serial-device', ...more],
];

/** As on x86-64: virtio on a memory bus and its console, nothing else. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo "release $(uname -r) $(uname -m)"
echo "controllers $(cat /sys/fs/cgroup/cgroup.controllers)"
echo "namespaces $(ls /proc/self/ns | tr '\\n' ' ')"
echo "file systems $(grep -cwE 'ext4|erofs|overlay|fuse|virtiofs|tmpfs' /proc/filesystems)"
echo "ports $(cat /sys/class/virtio-ports/*/name)"
echo "uring $(cat /proc/sys/kernel/io_uring_disabled)"
mount -t ext4 /dev/vda /mnt && echo "disk $(cat /mnt/hello)"
poweroff -f
`;

describe.skipIf(obstacle !== undefined)(`the arm64 kernel (${obstacle ?? 'emulated'})`, () => {
  const work = mkdtempSync(join(tmpdir(), 'arm64-kernel-'));
  afterAll(() => rmSync(work, { recursive: true }));

  it('starts on a machine of virtio-mmio devices, has what the x86-64 one has, and power-off ends it', () => {
    const [initrd, disk] = ['initrd', 'disk'].map((name) => join(work, name)) as [string, string];
    const directories = ['bin', 'dev', 'proc', 'sys', 'mnt'].map((path) => ({ path }));
    const busybox = readFileSync(arm64MachineFiles().busybox);
    writeFileSync(
      initrd,
      cpioArchive([
        ...directories,
        { path: 'dev/console', mode: 0o20600 },
        { path: 'init', content: INIT },
        { path: 'bin/busybox', content: busybox },
      ]),
    );
    const source = mkdtempSync(join(work, 'files-'));
    writeFileSync(join(source, 'hello'), 'from the host\n');
    expect(spawnSync('mke2fs', ['-q', '-t', 'ext4', '-d', source, disk, '8M']).status).toBe(0);
    expect(existsSync(image)).toBe(true);
    const { stdout, status } = spawnSync(
      ARM64_EMULATOR,
      machine(
        [disk],
        [
          ...['-initrd', initrd, '-append', 'console=hvc0 quiet panic=-1'],
          ...['-chardev', 'stdio,id=console,signal=off', '-device', 'virtconsole,chardev=console'],
          ...['-chardev', 'null,id=agent', '-device', 'virtserialport,chardev=agent,name=agent'],
        ],
      ),
      { encoding: 'utf8', timeout: 60_000 },
    );
    const lines = stdout.replaceAll('\r', '').trim().split('\n');
    expect(lines).toContain(`release ${kernel?.manifest.release} aarch64`);
    expect(lines).toContain('controllers cpuset cpu io memory hugetlb pids rdma misc');
    expect(lines.find((line) => line.startsWith('namespaces'))).toMatch(/cgroup ipc mnt net pid .*time .*user uts/);
    expect(lines).toContain('file systems 6');
    expect(lines).toContain('ports agent');
    expect(lines).toContain('uring 0');
    expect(lines).toContain('disk from the host');
    expect(status).toBe(0);
  });

  it.skipIf(agentObstacle !== undefined)('starts the agent as its init, which makes a container', async () => {
    makeNative('guest-agent', 'build-arm64', ['ARCH=arm64']);
    const [rootfs, disk] = [join(work, 'rootfs.ext4'), join(work, 'disk.ext4')];
    await makeGuestRootfs(join(work, 'rootfs'), rootfs, {
      'boxlite-guest': join(ROOT, 'packages/guest-agent/native/build-arm64/boxlite-guest'),
    });
    await makeBusyboxDisk(join(work, 'container'), disk, {
      decorate: async (root) => copyFileSync(arm64MachineFiles().busybox, join(root, 'bin/busybox')),
    });
    await using vm = await bootAgent({
      rootfs,
      disk,
      machine: ({ agentSocket, consoleFile }) => ({
        program: ARM64_EMULATOR,
        args: machine(
          [rootfs, disk], // this machine numbers its transports backwards
          [
            ...['-append', 'console=hvc0 root=/dev/vdb ro rootfstype=ext4 init=/boxlite/bin/boxlite-guest panic=-1'],
            ...['-chardev', `file,id=console,path=${consoleFile}`, '-device', 'virtconsole,chardev=console'],
            ...['-chardev', `socket,id=agent,path=${agentSocket}`],
            ...['-device', 'virtserialport,chardev=agent,name=agent'],
          ],
        ),
      }),
    });
    const client = createAgentClient(vm.channel());
    await client.init({ hostname: 'arm' });
    const { exitCode, stdout } = await finish(await client.exec({ argv: ['busybox', 'uname', '-rm'] }));
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${kernel?.manifest.release} aarch64\n` });
  });
});
