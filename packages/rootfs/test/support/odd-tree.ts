import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BUILD = String.raw`
mkdir bin; cp /bin/busybox bin/busybox; cp /bin/busybox bin/ping
for name in sh ls cat; do ln -s busybox bin/$name; done
setcap cap_net_raw,cap_setuid,cap_sys_admin+ep bin/ping

# Links: of files, symlinks, devices, FIFOs; symlinks that climb, are absolute, loop, dangle, and of every length that matters.
ln bin/busybox bin/hard; ln bin/busybox harder
ln -s ../../../../etc/passwd climbing; ln -s /absolute/target absolute; ln -s loop loop; ln -s .. up; ln -s ./nothing/ dangling
ln climbing climbing-too
ln -s $(printf 'x%.0s' $(seq 59)) fast; ln -s $(printf 'x%.0s' $(seq 60)) slow; ln -s $(printf '/%.0slong' $(seq 800)) longest
touch -h -d '2001-02-03 04:05:06.789012345' absolute; chown -h 12:34 absolute

# Devices with small and large numbers, the one of overlayfs, FIFOs, and second names of both.
mkdir dev; mknod dev/null c 1 3; mknod dev/big b 259 70000; mknod dev/tty c 5 0; mknod dev/whiteout c 0 0; mknod dev/huge c 4095 1048575
mkfifo -m 620 dev/fifo; chown 1000:1001 dev/fifo; ln dev/null dev/null-too; ln dev/fifo dev/fifo-too

# Every special mode bit, no mode at all, owners of 32 bits.
chmod 4755 bin/busybox; mkdir -m 1777 tmp; mkdir -m 2775 shared; chown 70000:4294967294 shared
for mode in 0000 0111 0444 1644 2755 4711 6755 7777; do echo $mode > mode-$mode; chmod $mode mode-$mode; done
mkdir -m 0000 closed; mkdir -m 7777 open; mkdir -m 0555 read-only; mkdir -m 0700 empty

# Names: not UTF-8, control characters, spaces, what shells and options would take for their own, the longest.
printf x > "$(printf '\xff\xfe not utf8 \n newline')"; mkdir 'ümlaut 日本'; printf y > "$(printf 'n%.0s' $(seq 255))"
touch -- '-rf' '*' 'a b' "it's" '"quoted"' 'back\slash' '...' ' ' 'trailing ' '.hidden' '@LongLink' 'PaxHeaders.0'
mkdir -p deep/$(printf 'd/%.0s' $(seq 100)); echo bottom > deep/$(printf 'd/%.0s' $(seq 100))file
mkdir many; (cd many; seq -f 'file-with-a-longer-name-%g' 1000 | xargs touch -d @1234567890.5)

# Times.
echo old > before-1970; touch -d '1965-03-04 05:06:07.000000001' before-1970
echo zero > epoch; touch -d @0 epoch; echo minus > minus-one; touch -d @-1 minus-one; echo half > minus-half; touch -d @-0.5 minus-half
echo new > after-2038; touch -d '2100-01-01 00:00:00.999999999' after-2038; echo far > year-2200; touch -d '2200-01-01' year-2200

python3 - <<'END'
import os, struct
os.setxattr('harder', 'user.short', b'value')
os.setxattr('harder', 'user.' + 'n' * 200, b'\x00\x0a=\xff')
os.setxattr('tmp', 'user.binary', bytes(range(256)) * 4)
os.setxattr('tmp', 'trusted.mark', b'y')
os.setxattr('empty', 'user.most', b'v' * 3900)
for i in range(12): os.setxattr('shared', 'user.number-%d' % i, b'v' * (i + 1) * 7)
# user::rwx user:1234:r-x group::r-- mask::rwx other::---, and a default list
acl = lambda *entries: struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *entry) for entry in entries)
none = 0xffffffff
os.setxattr('shared', 'system.posix_acl_access', acl((1, 7, none), (2, 5, 1234), (4, 4, none), (16, 7, none), (32, 0, none)))
os.setxattr('tmp', 'system.posix_acl_default', acl((1, 7, none), (4, 5, none), (8, 5, 70000), (16, 7, none), (32, 1, none)))
END
for at in 0 300 900; do dd if=/dev/urandom of=holes bs=4096 count=3 seek=$at conv=notrunc status=none; done
dd if=/dev/urandom of=hole-first bs=4096 count=3 seek=3000 status=none
`;

/**
 * Writes a tree with every kind of entry an image can have, odd ones above all, below an empty directory. Needs root, `setcap`, python3 and a
 * file system with attributes of all namespaces.
 */
export function writeOddTree(root: string): void {
  execFileSync('bash', ['-euc', BUILD], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(join(root, 'hole-last'), 'start');
  truncateSync(join(root, 'hole-last'), 20 * 1024 ** 2);
  for (const size of [0, 1, 4095, 4096, 4097, 65_536, 1_048_577]) {
    writeFileSync(join(root, `size-${size}`), Buffer.alloc(size, 'z'));
  }
}
