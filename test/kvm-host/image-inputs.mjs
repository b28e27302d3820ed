import { createHash } from 'node:crypto';

/** The release whose packages, kernel and QEMU the host is made of. */
export const DEBIAN_RELEASE = 'bookworm';

/** What the host holds beside Debian's minimal base, and why. */
export const HOST_PACKAGES = {
  bubblewrap: 'the jail',
  'libcap-ng0': 'libkrun is linked with it',
  kmod: 'loads kvm-amd',
  iproute2: 'brings loopback up',
  procps: 'ps and sysctl of the tests',
  e2fsprogs: 'judges ext4 disks',
  'qemu-system-x86': 'the QEMU VMM, here with KVM; virtiofsd',
  'qemu-utils': 'judges qcow2 disks',
  'busybox-static': 'the initramfs and the starter image',
  'docker-registry': 'a real registry on loopback',
  skopeo: 'fills the registry',
  umoci: 'judges layer application',
  // One of the providers of what skopeo wants, named so that apt need not choose.
  netavark: 'skopeo depends on a provider of container-network-stack',
  git: 'lists the files of the checkout',
  openssl: 'the certificate of a registry with TLS',
  binutils: 'readelf',
  strace: 'shows in which order a process confines itself',
  python3: 'terminals and file attributes in tests',
  gcc: 'tests compile probes of the jail and libraries that pretend to be libkrun',
  'libc6-dev': 'headers of those probes',
  'musl-tools': 'static probes',
  make: 'native tests',
  'libstdc++6': 'node is linked with it',
  'ca-certificates': 'certificates for node',
};

/** The kernel: a metapackage, whose dependency is downloaded and unpacked, never installed. */
export const KERNEL_PACKAGE = 'linux-image-cloud-amd64';

/**
 * The name of an image: equal inputs make the same name, any changed input another.
 * @param {{ release: string, packages: string[], kernelPackage: string, nodeVersion: string, builder: string }} inputs `builder` is the text of the
 *   program that builds it
 * @returns {string} 16 hexadecimal digits
 */
export function imageKey({ release, packages, kernelPackage, nodeVersion, builder }) {
  const canonical = JSON.stringify([release, [...packages].sort(), kernelPackage, nodeVersion, builder]);
  return createHash('sha256').update(canonical).digest('hex').slice(0, 16);
}
