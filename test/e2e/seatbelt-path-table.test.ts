import { type PathKind, pathRules } from '@boxlite/jailer';
import { seatbeltProfile } from '@boxlite/jailer-seatbelt';
import { createHomeLayout, forbiddenBoxPaths, grantableBoxPaths } from '@boxlite/layout';
import { describe, expect, it } from 'vitest';
import { accessUnder, type FileAccess } from '../../packages/jailer-seatbelt/test/sbpl/access-under.js';
import { sbplProfile } from '../../packages/jailer-seatbelt/test/sbpl/evaluate-sbpl.js';

/*
 * The path rules of the jailer, for a box on macOS, in the profile of the seatbelt sandbox: the two know nothing of each other but the contract.
 */

const HOME = '/Users/ann/.boxlite';
const layout = createHomeLayout(HOME, { platform: 'darwin' });
// mounts/ as it is where it is kept from shared/.
const shared = layout.box('b0xA1b2C3d4E');
const box = { ...shared, mountsDir: `${shared.dir}/mounts` };
const other = layout.box('c1C2c3C4c5C6');
const DISK = `${box.dir}/disks/disk.qcow2`;
const GUEST_DISK = `${box.dir}/disks/guest-rootfs.qcow2`;
const BASES = [`${HOME}/bases/aaaa1111.qcow2`, `${HOME}/bases/bbbb2222.qcow2`];
const IMAGE = `${HOME}/images/disk-images/sha256-0011.ext4`;
const GUEST_ROOTFS = `${HOME}/bases/cccc3333.ext4`;
const KERNEL = `${HOME}/kernels/4d3c2b1a`;
const SHIM = `${box.binDir}/boxlite-shim`;
const LIBKRUN = '/opt/homebrew/lib/libkrun.1.dylib';

const directories = [
  ...[HOME, `${HOME}/db`, `${HOME}/boxes`, `${HOME}/bases`, `${HOME}/images/disk-images`],
  ...[
    box.dir,
    box.socketsDir,
    box.tmpDir,
    box.sharedDir,
    box.binDir,
    box.mountsDir,
    box.controlDir,
    box.caDir,
    box.logsDir,
  ],
  ...['/Users/ann/work', '/Users/ann/models', '/Users/ann/work/vendor'],
];
const files = [
  box.exitFile,
  box.pidFile,
  box.stderrFile,
  DISK,
  GUEST_DISK,
  ...BASES,
  IMAGE,
  GUEST_ROOTFS,
  KERNEL,
  LIBKRUN,
];

const rules = pathRules({
  platform: 'darwin',
  home: { path: HOME, realPath: HOME },
  box,
  kinds: new Map<string, PathKind>([
    ...directories.map((path) => [path, 'directory'] as const),
    ...files.map((path) => [path, 'file'] as const),
  ]),
  disks: [
    { path: DISK, writable: true },
    { path: GUEST_DISK, writable: true },
  ],
  backingFiles: [...BASES, IMAGE, GUEST_ROOTFS],
  kernel: KERNEL,
  vmm: [{ path: LIBKRUN, writable: false }],
  devices: [],
  volumes: [
    { path: '/Users/ann/work', realPath: '/Users/ann/work', readOnly: false },
    { path: '/Users/ann/work/vendor', realPath: '/Users/ann/work/vendor', readOnly: true },
    { path: '/Users/ann/models', realPath: '/Users/ann/models', readOnly: true },
    { path: '/Users/ann/missing', realPath: '/Users/ann/missing', readOnly: false },
  ],
  vmmWritesLogs: false,
  socketLink: { path: box.socketLink, target: box.socketsDir },
});

const profile = sbplProfile(
  seatbeltProfile(
    {
      paths: rules.paths,
      maskedPaths: rules.masked,
      symlinks: rules.symlinks,
      devices: rules.devices,
      networkEnabled: false,
    },
    SHIM,
  ),
);

type Files = Pick<FileAccess, 'read' | 'write'>;
function filesOf(path: string): Files {
  const { read, write } = accessUnder(profile, path);
  return { read, write };
}

describe('a box on macOS, by the jailer’s path rules under the seatbelt profile,', () => {
  it.each([box.socketsDir, box.tmpDir, box.sharedDir])('reads and writes what is in %s', (path) => {
    expect(filesOf(`${path}/x`)).toEqual({ read: true, write: true });
  });

  it.each([DISK, GUEST_DISK, '/Users/ann/work/src/x'])('reads and writes %s', (path) => {
    expect(filesOf(path)).toEqual({ read: true, write: true });
  });

  it.each([SHIM, KERNEL, ...BASES, IMAGE, GUEST_ROOTFS, LIBKRUN, '/Users/ann/models/m', '/Users/ann/work/vendor/x'])(
    'reads %s and does not write it',
    (path) => {
      expect(filesOf(path)).toEqual({ read: true, write: false });
    },
  );

  it('runs its shim, and nothing it can write', () => {
    expect(accessUnder(profile, SHIM).execute).toBe(true);
    for (const path of [`${box.tmpDir}/x`, `${box.sharedDir}/x`, '/Users/ann/work/x', DISK]) {
      expect(accessUnder(profile, path).execute, path).toBe(false);
    }
  });

  it('binds and dials its own sockets, and no others', () => {
    expect(accessUnder(profile, `${box.socketsDir}/box.sock`)).toMatchObject({ bind: true, connect: true });
    for (const path of [`${box.controlDir}/api.sock`, `${other.socketsDir}/box.sock`, '/private/var/run/docker.sock']) {
      expect(accessUnder(profile, path), path).toMatchObject({ bind: false, connect: false });
    }
  });

  it.each([
    ...[box.mountsDir, box.controlDir, box.caDir, box.logsDir].map((path) => `${path}/x`),
    ...[box.pidFile, box.stderrFile, box.exitFile, `${box.dir}/new`, box.dir],
    ...[`${HOME}/db/boxlite.db`, HOME, `${HOME}/kernels/other`, `${HOME}/images/layers/sha256-1`],
    ...[other.dir, `${other.dir}/disks/disk.qcow2`, other.pidFile, `${other.tmpDir}/x`],
    ...['/Users/ann/missing/x', '/Users/ann/.ssh/id_ed25519', '/Users/bob/x', '/private/etc/master.passwd'],
  ])('has nothing of %s', (path) => {
    expect(filesOf(path)).toEqual({ read: false, write: false });
  });

  it('agrees with the layout on what a jail may and may not be given', () => {
    for (const path of forbiddenBoxPaths(box)) expect(filesOf(path), path).toEqual({ read: false, write: false });
    const existing = grantableBoxPaths(box).filter(({ path }) => [...directories, ...files].includes(path));
    expect(existing.length).toBeGreaterThan(4);
    for (const { path, writable } of existing)
      expect(filesOf(`${path}/x`), path).toEqual({ read: true, write: writable });
  });
});
