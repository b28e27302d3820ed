import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, constants, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { cpio } from './cpio.js';

/** What the disks and the console of a virtual machine on PCI need, in the order in which one needs the other. */
const MODULES = [
  ...['virtio/virtio_ring', 'virtio/virtio', 'virtio/virtio_pci_modern_dev', 'virtio/virtio_pci_legacy_dev'],
  ...['virtio/virtio_pci', 'block/virtio_blk', 'char/virtio_console', 'char/hw_random/virtio-rng'],
];
/** Statically linked, as on any system with `busybox-static`: it is alone in the RAM disk. */
const BUSYBOX = '/bin/busybox';
const REMEDY =
  'install a kernel (Debian: apt install linux-image-cloud-amd64 busybox-static), or set BOXLITE_KERNEL_ROOT';

/** Loads the modules, waits for the root the kernel was told of, and becomes the init it was told of. */
const INIT = `#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs devtmpfs /dev
$b mount -t proc proc /proc
for module in /modules/*; do $b insmod "$module"; done
for word in $($b cat /proc/cmdline); do
  case $word in root=*) root=\${word#root=} ;; init=*) init=\${word#init=} ;; esac
done
until [ -b "$root" ]; do $b usleep 10000; done
$b mount -o ro "$root" /root
$b umount /proc
$b mount --move /dev /root/dev
exec $b switch_root /root "$init"
`;

/**
 * The newest kernel below a directory.
 * @returns {Promise<{ release: string, image: string, modules: readonly string[] } | { reason: string, remedy: string }>}
 */
export async function findKernel(root) {
  const boot = join(root, 'boot');
  const names = existsSync(boot) ? await readdir(boot) : [];
  const images = names.filter((name) => name.startsWith('vmlinuz-'));
  const newest = images.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
  if (newest === undefined) return { reason: `there is no vmlinuz-* in ${boot}`, remedy: REMEDY };
  const release = newest.slice('vmlinuz-'.length);
  const drivers = join(root, 'lib/modules', release, 'kernel/drivers');
  const modules = MODULES.map((name) => join(drivers, `${name}.ko`));
  // One that is missing may be built in; when all are, they may as well be compressed, which this cannot unpack.
  const present = modules.filter((path) => existsSync(path));
  const missing = [BUSYBOX, ...(present.length === 0 ? modules : [])].find((path) => !existsSync(path));
  if (missing !== undefined) return { reason: `${missing} is missing`, remedy: REMEDY };
  return { release, image: join(boot, newest), modules: present };
}

/** The kernel of a Linux distribution: drivers for every machine, in modules, so that it cannot boot without an initial RAM disk. */
export class DistributionKernel {
  id = 'distribution';
  #root;
  #directory;
  #kernel;

  /** @param directory the home's `kernels/`, where the RAM disk is put */
  constructor(root, directory) {
    this.#root = root;
    this.#directory = directory;
  }

  /** @returns {Promise<import('@boxlite/core').GuestKernel>} */
  async kernel() {
    this.#kernel ??= this.#prepare();
    return this.#kernel;
  }

  async #prepare() {
    const found = await findKernel(this.#root);
    if (!('release' in found)) throw new BoxliteError('kernel_unavailable', found.reason, { hint: found.remedy });
    await access(found.image, constants.R_OK);
    return {
      path: found.image,
      initrd: await install(this.#directory, await ramDisk(found.modules)),
      digest: `sha256:${sha256(await readFile(found.image))}`,
      version: found.release,
      origin: found.image,
    };
  }
}

async function ramDisk(modules) {
  const directories = ['bin', 'dev', 'modules', 'proc', 'root'].map((name) => ({ name, mode: 0o040755 }));
  const numbered = modules.map(async (path, index) => ({
    name: `modules/${index}.ko`,
    mode: 0o100644,
    data: await readFile(path),
  }));
  return cpio([
    ...directories,
    { name: 'dev/console', mode: 0o020600, device: [5, 1] },
    { name: 'bin/busybox', mode: 0o100755, data: await readFile(BUSYBOX) },
    { name: 'init', mode: 0o100755, data: Buffer.from(INIT) },
    ...(await Promise.all(numbered)),
  ]);
}

/** Named by its contents, so that whoever else makes it makes the same file. */
async function install(directory, data) {
  const path = join(directory, `${sha256(data)}.initrd`);
  if (existsSync(path)) return path;
  const staged = `${path}.${process.pid}`;
  await writeFile(staged, data, { mode: 0o600 });
  await rename(staged, path);
  return path;
}

function sha256(data) {
  return createHash('sha256').update(data).digest('hex');
}
