#!/usr/bin/env node
// Makes an image of Debian's podman, crun, netavark, nftables, iptables, iproute2 and file system tools for the tests of the guest kernel, in an OCI layout
// in .cache/container-engine-image that is made once: `node scripts/container-engine-image.mjs`.
//
// The packages are unpacked and not configured: nothing of them runs here, it takes some 15 seconds, and no root. Needs a Debian mirror.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ociImage, writeOciLayout } from './starter-image.mjs';

const CACHE = fileURLToPath(new URL('../.cache/container-engine-image', import.meta.url));
const ENGINE = ['podman', 'crun', 'conmon', 'netavark', 'aardvark-dns', 'fuse-overlayfs', 'ca-certificates'];
const TOOLS = ['iptables', 'nftables', 'iproute2', 'e2fsprogs', 'erofs-utils'];
/** What a system that is asked for nothing would have anyway. */
const ESSENTIAL = ['base-files', 'bash', 'coreutils', 'dash', 'findutils', 'grep', 'mount', 'sed', 'util-linux'];
/** Dependencies of programs that are not run here. */
const NOT_WANTED_PACKAGES = /^(adduser|debconf|dirmngr|gnupg|gpg|libperl|perl|pinentry|usrmerge)/;
const NOT_WANTED = ['usr/share/doc', 'usr/share/man', 'usr/share/info', 'usr/share/locale'];
/** What the packages' scripts would have written. */
const FILES = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n',
  'etc/group': 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n',
  'etc/containers/containers.conf':
    '[engine]\nruntime = "crun"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[network]\nnetwork_backend = "netavark"\n',
};
const LINKS = {
  'usr/sbin/iptables': 'iptables-nft',
  'usr/sbin/ip6tables': 'ip6tables-nft',
  'usr/sbin/iptables-restore': 'iptables-nft-restore',
};
const CONFIG = { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['bash'] };
const ARCHITECTURE = { x64: 'amd64', arm64: 'arm64' };

/** Why the image cannot be made here, or undefined when it can. */
export function whyNoContainerEngineImage() {
  if (existsSync(join(CACHE, 'layout'))) return undefined;
  const program = ['apt-get', 'dpkg-deb'].find((name) => !existsSync(join('/usr/bin', name)));
  return program === undefined ? undefined : `${program} is not there: the image is made of Debian's packages`;
}

/** @returns the layout, made if it is not there */
export function containerEngineImageLayout() {
  const layout = join(CACHE, 'layout');
  if (existsSync(layout)) return layout;
  // A directory of this process: another one may be at it too.
  const work = join(CACHE, `work-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  try {
    makeLayout(work);
    if (!existsSync(layout)) renameSync(join(work, 'layout'), layout);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return layout;
}

function makeLayout(work) {
  const archives = join(work, 'archives');
  const root = join(work, 'root');
  mkdirSync(join(archives, 'partial'), { recursive: true });
  mkdirSync(root);
  const run = (program, args) =>
    execFileSync(program, args, { cwd: work, stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 2 ** 26 });
  run('apt-get', [
    ...['-qq', '-y', '--no-install-recommends', '--download-only'],
    // As if nothing were installed, so that every dependency comes along.
    ...['-o', 'Dir::State::status=/dev/null', '-o', `Dir::Cache::archives=${archives}`],
    ...['-o', 'APT::Sandbox::User=', '-o', 'Debug::NoLocking=1'],
    ...['install', ...ENGINE, ...TOOLS, ...ESSENTIAL],
  ]);
  const packages = readdirSync(archives).filter((name) => name.endsWith('.deb') && !NOT_WANTED_PACKAGES.test(name));
  for (const name of packages) run('dpkg-deb', ['--extract', join(archives, name), root]);
  for (const path of NOT_WANTED) rmSync(join(root, path), { recursive: true, force: true });
  for (const [path, content] of Object.entries(FILES)) writeFileSync(join(root, path), content);
  for (const [path, target] of Object.entries(LINKS)) symlinkSync(target, join(root, path));
  chmodSync(join(root, 'tmp'), 0o1777);
  run('tar', ['--numeric-owner', '--owner=0', '--group=0', '--sort=name', '-cf', 'layer.tar', '-C', root, '.']);
  writeOciLayout(
    join(work, 'layout'),
    ociImage({
      layers: [readFileSync(join(work, 'layer.tar'))],
      config: CONFIG,
      architecture: ARCHITECTURE[process.arch],
      compress: (tar) => gzipSync(tar, { level: 1 }),
    }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(containerEngineImageLayout());
