import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containerEngineImageLayout, whyNoContainerEngineImage } from '../../scripts/container-engine-image.mjs';
import { ociImage, tarArchive } from '../../scripts/starter-image.mjs';
import { patience } from '../support/patience.js';
import { buildKernelProbe, type KernelBox, startKernelBox } from './support/kernel-box.js';
import { whyNoOwnKernel } from './support/own-kernel.js';

const missing = whyNoContainerEngineImage() ?? (await whyNoOwnKernel());

/** Debian's own programs in a box: what asks more of a kernel than anything of ours. */
describe.skipIf(missing !== undefined)(
  `Debian's programs in a box${missing === undefined ? '' : ` (${missing})`}`,
  () => {
    let machine: KernelBox;
    beforeAll(async () => {
      const image = `oci:${containerEngineImageLayout()}`;
      machine = await startKernelBox({ image, cpus: 2, memoryMib: 1024 });
    }, patience(120_000));
    afterAll(() => machine?.[Symbol.asyncDispose]());

    const sh = (script: string) => machine.sh(`set -e\n${script}`);

    it('erofs: an image made by mkfs.erofs is mounted over a loop device, and read', async () => {
      const read = `mkfs.erofs /root/image.erofs /etc/containers > /dev/null 2>&1
      mkdir -p /mnt/erofs && mount -t erofs -o loop,ro /root/image.erofs /mnt/erofs
      sums() { (cd "$1" && find . -type f -exec sha256sum {} + | sort); }
      test -n "$(sums /mnt/erofs)" && test "$(sums /mnt/erofs)" = "$(sums /etc/containers)"
      ! touch /mnt/erofs/new 2> /dev/null && umount /mnt/erofs && echo same`;
      expect(await sh(read)).toBe('same\n');
    });

    it('ext4: a file system made by mkfs.ext4 is mounted over a loop device', async () => {
      const use = `truncate -s 16M /root/image.ext4 && mkfs.ext4 -q /root/image.ext4
      mkdir -p /mnt/ext4 && mount -o loop /root/image.ext4 /mnt/ext4 && echo kept > /mnt/ext4/file && umount /mnt/ext4
      mount -o loop /root/image.ext4 /mnt/ext4 && cat /mnt/ext4/file && umount /mnt/ext4 && e2fsck -fn /root/image.ext4 > /dev/null 2>&1`;
      expect(await sh(use)).toBe('kept\n');
    });

    describe('two machines behind a router, each a network namespace', () => {
      beforeAll(() =>
        sh(`for side in in out; do ip netns add $side && ip -n $side link set lo up; done
        ip link add in0 type veth peer name eth0 netns in && ip link add out0 type veth peer name eth0 netns out
        ip addr add 10.1.0.1/24 dev in0 && ip addr add 10.2.0.1/24 dev out0
        ip -6 addr add fd01::1/64 dev in0 nodad && ip -6 addr add fd02::1/64 dev out0 nodad
        ip link set in0 up && ip link set out0 up
        ip -n in addr add 10.1.0.2/24 dev eth0 && ip -n out addr add 10.2.0.2/24 dev eth0
        ip -n in -6 addr add fd01::2/64 dev eth0 nodad && ip -n out -6 addr add fd02::2/64 dev eth0 nodad
        ip -n in link set eth0 up && ip -n out link set eth0 up
        ip -n in route add default via 10.1.0.1 && ip -n out route add default via 10.2.0.1
        ip -n in -6 route add default via fd01::1 && ip -n out -6 route add default via fd02::1
        echo 1 > /proc/sys/net/ipv4/ip_forward && echo 1 > /proc/sys/net/ipv6/conf/all/forwarding`),
      );

      /** A packet of the inner machine: the sender as the outer one sees it, twice (its answer and its own words), or `none` where it gets no answer. */
      const exchange = (address: string, { port = 4000, attempts = 20 } = {}) =>
        sh(`rm -f /run/ready && ip netns exec out kernel-probe udp-serve 4000 /run/ready > /run/from & server=$!
        until test -e /run/ready; do sleep 0.02; done
        ip netns exec in kernel-probe udp-ask ${address} ${port} ${attempts} 2> /dev/null || { kill $server && echo none && exit; }
        wait && cat /run/from`);

      it('are linked by veth pairs, and their packets are forwarded as they are', async () => {
        expect(await exchange('10.2.0.2')).toBe('::ffff:10.1.0.2\n::ffff:10.1.0.2\n');
        expect(await exchange('fd02::2')).toBe('fd01::2\nfd01::2\n');
      });

      it('nftables translates the sender, IPv4 and IPv6', async () => {
        await sh(`nft -f - << 'END'
table inet probe {
  chain after { type nat hook postrouting priority 100; oifname "out0" counter masquerade; }
}
END`);
        expect(await exchange('10.2.0.2')).toBe('::ffff:10.2.0.1\n::ffff:10.2.0.1\n');
        expect(await exchange('fd02::2')).toBe('fd02::1\nfd02::1\n');
        await sh('nft list table inet probe | grep -q "packets [1-9]" && nft delete table inet probe');
      });

      it.each(['iptables-nft', 'iptables-legacy'])('%s translates the sender, IPv4 and IPv6', async (program) => {
        const six = program.replace('ip', 'ip6');
        const rule = 'POSTROUTING -o out0 -m comment --comment probe -j MASQUERADE';
        await sh(`${program} -t nat -A ${rule} && ${six} -t nat -A ${rule}`);
        expect(await exchange('10.2.0.2')).toBe('::ffff:10.2.0.1\n::ffff:10.2.0.1\n');
        expect(await exchange('fd02::2')).toBe('fd02::1\nfd02::1\n');
        await sh(`${program} -t nat -D ${rule} && ${six} -t nat -D ${rule}`);
      });

      it.each(['iptables-nft', 'iptables-legacy'])(
        '%s forwards a port to another machine and refuses what it filters',
        async (program) => {
          const forward = 'PREROUTING -i in0 -p udp --dport 4001 -j DNAT --to-destination 10.2.0.2:4000';
          await sh(`${program} -t nat -A ${forward}`);
          expect(await exchange('10.1.0.1', { port: 4001 })).toBe('::ffff:10.1.0.2\n::ffff:10.1.0.2\n');
          const filter = 'FORWARD -i in0 -m conntrack --ctstate NEW -m addrtype --dst-type UNICAST -j REJECT';
          await sh(`${program} -A ${filter}`);
          expect(await exchange('10.2.0.2', { attempts: 2 })).toBe('none\n');
          await sh(`${program} -D ${filter} && ${program} -t nat -D ${forward}`);
        },
      );

      it('a bridge carries frames between them', async () => {
        await sh(`ip link add br0 type bridge && ip link set br0 up
        for side in in out; do ip link add $side-br type veth peer name br netns $side && ip link set dev $side-br master br0 up && ip -n $side link set dev br up; done
        ip -n in addr add 10.3.0.1/24 dev br && ip -n out addr add 10.3.0.2/24 dev br`);
        expect(await exchange('10.3.0.2')).toBe('::ffff:10.3.0.1\n::ffff:10.3.0.1\n');
        expect(await sh('bridge fdb show br br0 | grep -c "dev in-br master br0"')).toMatch(/^[1-9]/);
      });
    });

    describe('podman with crun', () => {
      beforeAll(async () => {
        await machine.sh('cat > /root/hello.tar', { input: helloArchive(await buildKernelProbe()) });
        await sh('podman load --quiet --input /root/hello.tar');
      }, patience(180_000));

      it(
        'runs hello on the bridge network',
        async () => {
          expect(await sh('podman run --rm localhost/hello')).toBe('hello from process 1\n');
        },
        patience(180_000),
      );

      it(
        'runs hello without a network, with limits the kernel enforces',
        async () => {
          const limits = '--network none --memory 32m --pids-limit 20 --cpus 0.5';
          expect(await sh(`podman run --rm ${limits} localhost/hello`)).toBe('hello from process 1\n');
        },
        patience(180_000),
      );

      it(
        'crun is its runtime, and its storage is overlay over the disk of the box',
        async () => {
          const info = JSON.parse(await sh('podman info --format json'));
          expect(info.host.ociRuntime.name).toBe('crun');
          expect(info.host.cgroupVersion).toBe('v2');
          expect(info.store.graphDriverName).toBe('overlay');
          expect(info.store.graphStatus['Native Overlay Diff'] ?? info.store.graphStatus['Supports d_type']).toBe(
            'true',
          );
        },
        patience(180_000),
      );
    });
  },
);

/** An image of one program, as `docker save` would write it. */
function helloArchive(program: string): Buffer {
  const { blobs, index } = ociImage({
    layers: [tarArchive([{ name: 'hello', type: 'file', mode: 0o755, content: readFileSync(program) }])],
    config: { Entrypoint: ['/hello', 'hello'] },
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    tag: 'localhost/hello:latest',
  });
  const files = [...blobs].map(([digest, content]) => ({ name: `blobs/sha256/${digest}`, content }));
  return tarArchive([
    { name: 'oci-layout', type: 'file', content: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', type: 'file', content: JSON.stringify(index) },
    ...files.map(({ name, content }) => ({ name, type: 'file' as const, content })),
  ]);
}
