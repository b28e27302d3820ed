import { spawnSync } from 'node:child_process';

/** What each Debian package is needed for; said to the person before anything is installed. */
export const DEBIAN_PACKAGES = {
  build: {
    make: 'builds the native programs',
    'g++': 'builds better-sqlite3',
    python3: 'builds better-sqlite3 (node-gyp); terminals and file attributes in tests',
    'musl-tools': 'static guest agent, supervisor, probe',
    'linux-libc-dev': 'kernel headers of the native programs',
    nanopb: 'wire schema of the guest agent',
    'libnanopb-dev': 'wire schema of the guest agent',
    'protobuf-compiler': 'wire schema of the guest agent',
  },
  run: {
    'qemu-system-x86': 'virtual machines where libkrun cannot run',
    bubblewrap: 'the jail around each virtual machine',
    'busybox-static': 'the starter image',
  },
  kernel: {
    'linux-source-6.1': "source of BoxLite's guest kernel",
    flex: 'builds the guest kernel (its configuration)',
    bison: 'builds the guest kernel (its configuration)',
    bc: 'builds the guest kernel (constants of its clock)',
    'libelf-dev': 'builds the guest kernel (objtool)',
    'xz-utils': 'unpacks the source of the guest kernel',
    patch: 'applies our changes to the guest kernel',
  },
  test: {
    debootstrap: 'the nested host that tests with KVM run in; a real Debian image',
    'libcap2-bin': 'gives files of a test image capabilities',
    'qemu-utils': 'judges our qcow2 disks',
    e2fsprogs: 'judges our ext4 disks',
    'docker-registry': 'a real registry on loopback',
    skopeo: 'fills the registry',
    umoci: 'judges our layer application',
    git: 'lists the files that the repository rules look at',
    openssl: 'the certificate of a registry with TLS',
    binutils: 'readelf shows that native programs are static',
    'btrfs-progs': 'a file system that clones, in a loop device',
    xfsprogs: 'a file system that clones, in a loop device',
    iproute2: 'a network of their own for the escape tests',
    mount: 'mounts in tests that run as root',
    zstd: 'compresses archives and layers of test images',
    strace: 'shows in which order a process confines itself',
    'g++-aarch64-linux-gnu': 'builds the native programs for arm64',
    'qemu-user-static': 'runs programs for arm64',
    'qemu-system-arm': 'an arm64 machine with KVM of its own',
    file: 'says for which architecture a program is',
    'erofs-utils': 'a file system of images that the guest kernel mounts',
  },
};

/**
 * @param {('build' | 'run' | 'kernel' | 'test')[]} groups
 * @returns {Map<string, string>} the missing packages and why each is needed
 */
export function missingDebianPackages(groups) {
  const wanted = new Map(groups.flatMap((group) => Object.entries(DEBIAN_PACKAGES[group])));
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package}\t${db:Status-Status}\n', ...wanted.keys()], {
    encoding: 'utf8',
  });
  if (query.error !== undefined) return wanted;
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith('\tinstalled'))
      .map((line) => line.split('\t')[0]),
  );
  return new Map([...wanted].filter(([name]) => !installed.has(name)));
}

/** Without it apt-get takes a name it does not know for a regular expression: Debian 13 would install `linux-source-6.12` for `linux-source-6.1`. */
const EXACT_NAMES = ['-o', 'APT::Cmd::Pattern-Only=true'];

/** The commands that install packages, the same for `sudo` and for root. */
export function installCommands(names) {
  return [
    ['apt-get', 'update', '-q'],
    ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...EXACT_NAMES, ...names],
  ];
}

/** True when apt could install it, by the lists it has. @param {(prefix: string) => string} [list] names that begin so, one a line */
export function isKnownDebianPackage(name, list = listDebianPackages) {
  return list(name).split('\n').includes(name);
}

function listDebianPackages(prefix) {
  return spawnSync('apt-cache', ['pkgnames', prefix], { encoding: 'utf8' }).stdout ?? '';
}

/**
 * Installs what is missing as root; as an ordinary user prints the exact commands and returns false.
 * @param {('build' | 'run' | 'kernel' | 'test')[]} groups
 */
export function ensureDebianPackages(
  groups,
  { say, isRoot = process.getuid?.() === 0, missing = missingDebianPackages(groups) },
) {
  if (missing.size === 0) return true;
  const names = [...missing.keys()];
  if (!isRoot) {
    say('These Debian packages are missing:');
    for (const [name, why] of missing) say(`  ${name.padEnd(20)} ${why}`);
    say('Install them, then run the same command again:');
    for (const command of installCommands(names)) say(`  sudo ${command.join(' ')}`);
    return false;
  }
  say('Installing Debian packages:');
  for (const [name, why] of missing) say(`  ${name.padEnd(20)} ${why}`);
  for (const [program, ...args] of installCommands(names)) {
    const run = spawnSync(program, args, {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 64 * 1024 * 1024,
    });
    if (run.status !== 0) {
      say(`${program} ${args.join(' ')} failed:\n${run.stdout ?? ''}${run.stderr ?? run.error}`);
      return false;
    }
  }
  return true;
}
