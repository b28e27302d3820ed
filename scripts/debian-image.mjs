#!/usr/bin/env node
// Makes two images of Debian for tests and benches, in an OCI layout in .cache/debian-image that is made once: `node scripts/debian-image.mjs`.
//
//   large  debootstrap's minbase, and a layer of what apt-get installs over it: about 400 MB unpacked
//   small  the same base, and a layer of 20 MiB of its own
//
// Needs root, a Debian mirror, debootstrap and umoci; takes about a minute and, meanwhile, a gigabyte.
import { execFileSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tarArchive } from './starter-image.mjs';

const CACHE = fileURLToPath(new URL('../.cache/debian-image', import.meta.url));
const PACKAGES = ['python3', 'git', 'curl', 'ca-certificates', 'vim-tiny', 'less', 'procps'];
/** Documentation that nobody reads brings the whole to the size wanted. */
const NOT_WANTED = ['usr/share/doc', 'usr/share/man', 'usr/share/info', 'var/cache/apt', 'var/lib/apt/lists'];
const PATH = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const OWN_LAYER_BYTES = 20 * 2 ** 20;

/** Why the images cannot be made or unpacked here, or undefined when they can. */
export function whyNoDebianImage() {
  if (process.getuid?.() !== 0) return 'making and unpacking an image with all owners needs root';
  const missing = (programs) =>
    programs.find((program) => !PATH.some((directory) => existsSync(join(directory, program))));
  const program = missing(['umoci', ...(existsSync(join(CACHE, 'layout')) ? [] : ['debootstrap'])]);
  return program === undefined ? undefined : `${program} is not installed`;
}

/** @returns the layout with the tags `large` and `small`, made if it is not there */
export function debianImageLayout() {
  const layout = join(CACHE, 'layout');
  if (existsSync(layout)) return layout;
  // A directory of this process: another one may be at it too.
  const work = join(CACHE, `work-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    makeLayout(work);
    if (!existsSync(layout)) renameSync(join(work, 'layout'), layout);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return layout;
}

function makeLayout(work) {
  const run = (program, args) => execFileSync(program, args, { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
  run('debootstrap', ['--variant=minbase', 'bookworm', 'root']);
  run('tar', [
    ...['--xattrs', '--xattrs-include=*', '--numeric-owner', '--sort=name'],
    '-cf',
    'base.tar',
    '-C',
    'root',
    '.',
  ]);
  rmSync(join(work, 'root'), { recursive: true });
  run('umoci', ['init', '--layout', 'layout']);
  run('umoci', ['new', '--image', 'layout:base']);
  run('umoci', ['raw', 'add-layer', '--image', 'layout:base', 'base.tar']);
  rmSync(join(work, 'base.tar'));
  const command = [
    '--config.cmd',
    'bash',
    '--config.env',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  ];
  run('umoci', ['config', '--image', 'layout:base', ...command]);

  run('umoci', ['unpack', '--image', 'layout:base', 'bundle']);
  const root = join(work, 'bundle/rootfs');
  run('cp', ['/etc/resolv.conf', join(root, 'etc/resolv.conf')]);
  run('chroot', [root, 'apt-get', '-qq', 'update']);
  const quiet = ['-qq', '-y', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0'];
  run('chroot', [root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...quiet, 'install', ...PACKAGES]);
  for (const path of NOT_WANTED) rmSync(join(root, path), { recursive: true, force: true });
  run('umoci', ['repack', '--image', 'layout:large', 'bundle']);
  rmSync(join(work, 'bundle'), { recursive: true });

  const content = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
    Buffer.alloc(OWN_LAYER_BYTES),
  );
  writeFileSync(join(work, 'own.tar'), tarArchive([{ name: 'srv/data', type: 'file', content }]));
  run('umoci', ['tag', '--image', 'layout:base', 'small']);
  run('umoci', ['raw', 'add-layer', '--image', 'layout:small', 'own.tar']);
  run('umoci', ['gc', '--layout', 'layout']);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(debianImageLayout());
