import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { REPOSITORY } from './run-cli.js';

const run = promisify(execFile);
const CACHE = join(REPOSITORY, '.cache/debian-kernel');
const META_PACKAGE = 'linux-image-cloud-amd64';
const DRIVERS = './lib/modules/*/kernel/drivers';
/** Of some 80 MB of modules, those a machine needs. */
const WANTED = ['./boot/vmlinuz-*', `${DRIVERS}/virtio/*`, `${DRIVERS}/block/virtio_blk.ko`].concat(
  `${DRIVERS}/char/virtio_console.ko`,
  `${DRIVERS}/char/hw_random/virtio-rng.ko`,
);
/** $1 the package, $2 where to, then what. */
const UNPACK = 'archive=$1 root=$2; shift 2; dpkg-deb --fsys-tarfile "$archive" | tar -x --wildcards -C "$root" "$@"';

/**
 * Debian's kernel for virtual machines, which has PCI and its drivers in modules: downloaded by apt and unpacked into the cache of the repository, once.
 * @returns the directory that holds its `boot/` and `lib/modules/`
 */
export async function debianKernel(): Promise<string> {
  await mkdir(CACHE, { recursive: true });
  const cached = (await readdir(CACHE)).filter((name) => name.startsWith('linux-image-')).sort();
  const newest = cached.at(-1);
  if (newest !== undefined) return join(CACHE, newest);
  const image = await imagePackage();
  const staged = await mkdtemp(join(CACHE, '.staged-'));
  try {
    await run('apt-get', ['download', '-o', 'APT::Sandbox::User=root', image], { cwd: staged });
    const archive = (await readdir(staged)).find((name) => name.endsWith('.deb')) ?? '';
    const root = join(staged, 'root');
    await mkdir(root);
    await run('sh', ['-c', UNPACK, 'sh', join(staged, archive), root, ...WANTED]);
    const target = join(CACHE, image);
    // Another test may have been faster.
    if (!existsSync(target)) await rename(root, target);
    return target;
  } finally {
    await rm(staged, { recursive: true });
  }
}

async function imagePackage(): Promise<string> {
  const { stdout } = await run('apt-cache', ['depends', META_PACKAGE]);
  const found = /^ *Depends: (linux-image-\d\S*)/m.exec(stdout)?.[1];
  if (found !== undefined) return found;
  throw new Error(`apt knows no ${META_PACKAGE}: run "apt-get update", on Debian`);
}
