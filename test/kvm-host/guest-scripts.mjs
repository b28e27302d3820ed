// What runs inside the nested host before and after the command: two busybox shell scripts.

/** Kernel modules that the root disk needs, in the order of their dependencies; loaded from the initramfs. */
export const BOOT_MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_blk',
];

/** Modules that a KVM host has loaded or loads on demand; there is no udev here to ask for them. */
export const HOST_MODULES = [
  ...['virtio_console', 'virtio_rng', 'virtiofs', 'overlay', 'kvm-amd', 'vsock', 'vhost_vsock', 'fuse', 'tun', 'loop'],
];

/** The ordinary user of the host: a member of group `kvm` with nothing else. */
export const ORDINARY_USER = { name: 'box', uid: 1000 };

/** `/init` of the initramfs: finds the root disk and hands over to the host script. */
export function initramfsScript() {
  return `#!/bin/busybox sh
export PATH=/bin
busybox mkdir -p /proc /sys /dev /newroot
busybox mount -t proc proc /proc
busybox mount -t devtmpfs dev /dev
for module in ${BOOT_MODULES.join(' ')}; do busybox insmod /modules/$module.ko || echo "no module $module"; done
busybox mount -t ext4 -o rw,noatime,data=writeback,barrier=0 /dev/vda /newroot || busybox poweroff -f
busybox mount -t tmpfs -o mode=755 run /newroot/run
busybox mkdir /newroot/run/kvm-host
busybox cp /host-init /newroot/run/kvm-host/init
busybox umount /proc
busybox mount --move /dev /newroot/dev
exec busybox switch_root /newroot /bin/sh /run/kvm-host/init
`;
}

/**
 * Process 1 of the host. It reads the job from the port "control" (\`bytes\` on the kernel command line, then a shell script that
 * sets CHECKOUT, JOB_USER and so on), runs it with its output on the ports "out" and "err", answers with \`exit <status>\` and powers off.
 */
export function hostScript() {
  return `#!/bin/busybox sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
power_off() { echo o > /proc/sysrq-trigger; while :; do :; done; }
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,gid=5,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
ln -sf /proc/self/fd /dev/fd; ln -sf fd/0 /dev/stdin; ln -sf fd/1 /dev/stdout; ln -sf fd/2 /dev/stderr
for module in ${HOST_MODULES.join(' ')}; do modprobe -q $module || echo "no module $module"; done
port() { for name in /sys/class/virtio-ports/*/name; do if [ "$(cat $name)" = "$1" ]; then name=\${name%/name}; echo /dev/\${name##*/}; return; fi; done; }
exec 7<>"$(port control)"
echo up >&7
bytes=$(sed -n 's/.*kvm_host.job=\\([0-9]*\\).*/\\1/p' /proc/cmdline)
busybox head -c "$bytes" <&7 > /run/kvm-host/job
. /run/kvm-host/job
fail() { echo "fail $1" >&7; power_off; }

mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
delegate() { for controller in cpu io memory pids; do echo +$controller > $1/cgroup.subtree_control; done 2>/dev/null; }
delegate /sys/fs/cgroup
hostname kvm-host
ip link set lo up
chgrp kvm /dev/kvm && chmod 660 /dev/kvm
chmod 666 /dev/fuse /dev/net/tun /dev/vsock /dev/vhost-vsock 2>/dev/null
chmod 1777 /tmp
ulimit -n 65536

# What the command writes into the checkout goes to the root disk and is lost with it.
mkdir -p /run/kvm-host/checkout /var/kvm-host/upper /var/kvm-host/work "$CHECKOUT"
mount -t virtiofs -o ro checkout /run/kvm-host/checkout || fail "the checkout cannot be mounted"
mount -t overlay -o "lowerdir=/run/kvm-host/checkout,upperdir=/var/kvm-host/upper,workdir=/var/kvm-host/work" overlay "$CHECKOUT" || fail "no overlay over the checkout"
parent=$CHECKOUT
while [ "$parent" != / ]; do chmod a+rx "$parent"; parent=$(dirname "$parent"); done

if [ "$JOB_USER" = root ]; then
  scope=/sys/fs/cgroup/system.slice/job.scope
  mkdir -p $scope
else
  # The groups that systemd gives a user who is logged in, delegated as it does (cgroups(7), "Delegation Containment").
  service=/sys/fs/cgroup/user.slice/user-$JOB_UID.slice/user@$JOB_UID.service
  scope=$service/app.slice/job.scope
  mkdir -p $scope
  delegate /sys/fs/cgroup/user.slice; delegate /sys/fs/cgroup/user.slice/user-$JOB_UID.slice
  chown -R "$JOB_USER:" $service
  delegate $service; delegate $service/app.slice
  # What programs write into a checkout of one's own; the files in it stay as they are.
  for directory in . .cache .cache/vitest-modules; do
    if [ -d "$CHECKOUT/$directory" ]; then chown "$JOB_USER:" "$CHECKOUT/$directory"; fi
  done
  mkdir -p /run/user/$JOB_UID && chown "$JOB_USER:" /run/user/$JOB_UID && chmod 700 /run/user/$JOB_UID
fi

mkfifo /run/kvm-host/out /run/kvm-host/err
cat < /run/kvm-host/out > "$(port out)" & out=$!
cat < /run/kvm-host/err > "$(port err)" & err=$!
echo start >&7
sh -c 'echo 0 > "$1/cgroup.procs"; exec 7>&-; shift; exec "$@"' start $scope \\
  setsid setpriv $JOB_PRIVILEGES -- /bin/bash /run/kvm-host/command < /dev/null > /run/kvm-host/out 2> /run/kvm-host/err &
wait $!
status=$?
for group in /sys/fs/cgroup/*/; do echo 1 > $group/cgroup.kill; done
wait $out $err
echo "exit $status" >&7
power_off
`;
}
