import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { shareDaemon } from '../../scripts/setup/share-daemon.mjs';
import { DEBIAN_RELEASE, HOST_PACKAGES, imageKey, KERNEL_PACKAGE } from './image-inputs.mjs';
import { killGroup } from './kill-group.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const BUILDER = join(HERE, 'build-image.sh');
/** `.cache/` of the repository, which git ignores. */
const DEFAULT_CACHE = join(HERE, '../../.cache/kvm-host');

/** Which Debian package brings each program that building or running needs. */
const PROGRAMS = {
  build: { debootstrap: 'debootstrap', 'mkfs.ext4': 'e2fsprogs', flock: 'util-linux', unshare: 'util-linux' },
  run: {
    'qemu-system-x86_64': 'qemu-system-x86',
    [shareDaemon()]: 'qemu-system-common, since Debian 13 virtiofsd',
    setpriv: 'util-linux',
  },
};

/**
 * The image of the nested host, built if no image of the same inputs is in the cache.
 * @param {{ cacheDir?: string, say?: (line: string) => void, signal?: AbortSignal }} [options]
 * @returns {Promise<{ directory: string, kernel: string, rootDisk: string, busybox: string, modules: string, buildSeconds: number }>}
 * @throws Error naming the program or the permission that is missing and what to do
 */
export async function hostImage({ cacheDir = DEFAULT_CACHE, say = console.error, signal } = {}) {
  requirePrograms('run');
  requireRoot();
  const key = imageKey({
    release: DEBIAN_RELEASE,
    packages: Object.keys(HOST_PACKAGES),
    kernelPackage: KERNEL_PACKAGE,
    nodeVersion: process.version,
    builder: readFileSync(BUILDER, 'utf8'),
  });
  const directory = join(cacheDir, key);
  const begin = Date.now();
  const isBuilt = existsSync(join(directory, 'complete'));
  if (!isBuilt) await build(directory, say, signal);
  return {
    directory,
    kernel: join(directory, 'vmlinuz'),
    rootDisk: join(directory, 'root.ext4'),
    busybox: join(directory, 'busybox'),
    modules: join(directory, 'modules'),
    buildSeconds: isBuilt ? 0 : (Date.now() - begin) / 1000,
  };
}

async function build(directory, say, signal) {
  requirePrograms('build');
  const cache = dirname(directory);
  mkdirSync(cache, { recursive: true, mode: 0o755 });
  say(`kvm-host: building the image of the host in ${directory} (one to two minutes, once)`);
  const begin = Date.now();
  const namespaces = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const builder = ['sh', BUILDER, directory, realpathSync(process.execPath), DEBIAN_RELEASE, KERNEL_PACKAGE];
  // A process group of its own, so that all of it can be killed; the kernel kills the namespace when `unshare` dies.
  const child = spawn(
    'flock',
    [join(cache, 'lock'), 'unshare', ...namespaces, ...builder, ...Object.keys(HOST_PACKAGES)],
    { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
  );
  const kill = () => killGroup(child);
  signal?.addEventListener('abort', kill, { once: true });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      say(`kvm-host: ${((Date.now() - begin) / 1000).toFixed(0).padStart(3)} s ${line.replace(/^step /, '')}`);
    });
  }
  const status = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  signal?.removeEventListener('abort', kill);
  signal?.throwIfAborted();
  if (status !== 0 || !existsSync(join(directory, 'complete'))) {
    throw new Error(
      `The image of the KVM host could not be built (status ${status}); the lines above say why. debootstrap needs root, a network and a Debian mirror.`,
    );
  }
}

/** debootstrap makes a root's files, virtiofsd changes groups, the checkout is bound read-only: all of it needs root on the outer machine. */
function requireRoot() {
  if (process.getuid?.() === 0) return;
  throw new Error(
    `The KVM host is built and started by root (debootstrap, mounts, virtiofsd); inside it commands run as an ordinary user too. Run:\n  sudo ${process.execPath} ${process.argv.slice(1).join(' ')}`,
  );
}

function requirePrograms(group) {
  const isThere = (program) =>
    program.startsWith('/') ? existsSync(program) : spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  const missing = Object.entries(PROGRAMS[group]).filter(([program]) => !isThere(program));
  if (missing.length === 0) return;
  const names = missing.map(([program]) => program).join(', ');
  const packages = [...new Set(missing.map(([, debianPackage]) => debianPackage))].join(' ');
  throw new Error(`The KVM host needs ${names}. Install: sudo apt-get install -y --no-install-recommends ${packages}`);
}
