#!/bin/sh
# Builds the root disk and the kernel of the nested host. Run as root by host-image.mjs in mount and process namespaces of its own, under the
# cache's lock. Arguments: <final directory> <node binary> <release> <kernel package> <packages...>
set -eu
final=$1 node=$2 release=$3 kernel=$4
shift 4
cache=$(dirname "$final")
[ ! -e "$final/complete" ] || exit 0 # another builder held the lock before us

# Whoever was killed while staging left this behind; nobody else can be staging now.
rm -rf "$cache"/staging-*
staging=$cache/staging-$(basename "$final")
mkdir -p "$staging"

# The tree lives in memory: dpkg's many fsync calls cost nothing, and it is gone with this namespace.
mount -t tmpfs -o size=4g,mode=755 tmpfs /mnt
root=/mnt
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

echo "step debootstrap: the base of Debian $release"
debootstrap --variant=minbase "$release" "$root" > "$staging/build.log" 2>&1 || { tail -20 "$staging/build.log" >&2; exit 1; }

printf 'path-exclude=/usr/share/%s/*\n' doc man locale info > "$root/etc/dpkg/dpkg.cfg.d/kvm-host"
echo 'APT::Install-Recommends "false";' > "$root/etc/apt/apt.conf.d/99kvm-host"
mirror=$(sed -n 's/^deb \([^ ]*\) .*/\1/p' "$root/etc/apt/sources.list" | head -1)
# The kernel with its security fixes is in the security archive, beside the mirror's debian/ directory.
echo "deb ${mirror%/debian}/debian-security $release-security main" >> "$root/etc/apt/sources.list"
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
in_root() { chroot "$root" "$@" >> "$staging/build.log" 2>&1 || { tail -20 "$staging/build.log" >&2; exit 1; }; }

echo "step packages: $*"
in_root apt-get update -q
in_root apt-get install -y -q "$@"

echo "step kernel: $kernel"
image=$(chroot "$root" apt-cache depends "$kernel" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
in_root sh -c "cd /tmp && apt-get download -o APT::Sandbox::User=root $image && dpkg-deb -x $image*.deb kernel && rm $image*.deb"
cp -r "$root"/tmp/kernel/lib/modules "$root/lib/"
cp "$root"/tmp/kernel/boot/vmlinuz-* "$staging/vmlinuz"
version=$(ls "$root/lib/modules")
in_root depmod "$version"
cp "$root/bin/busybox" "$staging/busybox"
mkdir "$staging/modules"
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk; do
  find "$root/lib/modules/$version" -name "$module.ko" -exec cp {} "$staging/modules/" \;
done

echo "step users and node"
in_root sh -c 'getent group kvm || groupadd -r kvm'
in_root useradd --create-home --uid 1000 --shell /bin/bash --groups kvm box
in_root git config --system safe.directory '*'
cp "$node" "$root/usr/bin/node"
in_root /usr/bin/node --version

umount "$root/dev" "$root/proc"
rm -rf "$root"/tmp/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*

echo "step disk"
# Sparse; its free space is the scratch of a run. Without checksums and with lazy tables mkfs writes little.
mkfs.ext4 -q -F -d "$root" -O ^metadata_csum -E lazy_itable_init=1,lazy_journal_init=1 "$staging/root.ext4" 32G >> "$staging/build.log" 2>&1
echo "$version" > "$staging/complete"
sync -f "$staging"
rm -rf "$final"
mv "$staging" "$final"
# A machine keeps one image; hosts that still run from an older one have its files open.
for old in "$cache"/*/; do [ "$old" = "$final/" ] || rm -rf "$old"; done
