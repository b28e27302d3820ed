import { describe, expect, it } from 'vitest';
import type { BoxPathNames, CollectedPaths, PathKind } from './collected-paths.js';
import { pathRules } from './path-rules.js';

const HOME = '/home/u/.boxlite';
const DIR = `${HOME}/boxes/box1`;
const BOX: BoxPathNames = {
  dir: DIR,
  socketsDir: `${DIR}/sockets`,
  tmpDir: `${DIR}/tmp`,
  sharedDir: `${DIR}/shared`,
  binDir: `${DIR}/bin`,
  mountsDir: `${DIR}/mounts`,
  controlDir: `${DIR}/control`,
  caDir: `${DIR}/ca`,
  logsDir: `${DIR}/logs`,
  exitFile: `${DIR}/exit`,
  pidFile: `${DIR}/shim.pid`,
  stderrFile: `${DIR}/shim.stderr`,
};
const DISK = `${DIR}/disks/disk.qcow2`;
const GUEST_DISK = `${DIR}/disks/guest-rootfs.qcow2`;
const CLONE = `${HOME}/bases/AAAAAAAA.qcow2`;
const SOURCE = `${HOME}/bases/BBBBBBBB.qcow2`;
const IMAGE = `${HOME}/images/disk-images/sha256-1.ext4`;
const KERNEL = `${HOME}/kernels/abc`;
const MEMORY = `${HOME}/templates/0f/memory`;
const LIBC = '/lib/x86_64-linux-gnu/libc.so.6';

const directories = [HOME, `${HOME}/db`, `${HOME}/boxes`, DIR, '/data', '/data/sub', '/srv/ro'];
const boxDirectories = [
  'socketsDir',
  'tmpDir',
  'sharedDir',
  'binDir',
  'mountsDir',
  'controlDir',
  'caDir',
  'logsDir',
] as const;

/** A host where everything exists. */
function everything(changes: Partial<CollectedPaths> = {}, missing: readonly string[] = []): CollectedPaths {
  const kinds = new Map<string, PathKind>();
  for (const path of [...directories, ...boxDirectories.map((name) => BOX[name]), '/bases'])
    kinds.set(path, 'directory');
  const files = [BOX.exitFile, BOX.pidFile, BOX.stderrFile, DISK, GUEST_DISK, CLONE, SOURCE, IMAGE, KERNEL, LIBC];
  for (const path of files) kinds.set(path, 'file');
  for (const path of ['/dev/kvm', '/dev/net/tun', '/dev/null', '/dev/urandom']) kinds.set(path, 'device');
  for (const path of missing) kinds.delete(path);
  return {
    platform: 'linux',
    home: { path: HOME, realPath: HOME },
    box: BOX,
    kinds,
    disks: [
      { path: DISK, writable: true },
      { path: GUEST_DISK, writable: true },
    ],
    backingFiles: [CLONE, SOURCE, IMAGE, IMAGE],
    kernel: KERNEL,
    vmm: [{ path: LIBC, writable: false }],
    devices: ['/dev/net/tun', '/dev/kvm', '/dev/null', '/dev/kvm'],
    volumes: [],
    vmmWritesLogs: false,
    socketLink: { path: '/tmp/bl-1000/box1', target: BOX.socketsDir },
    ...changes,
  };
}

const volume = (path: string, readOnly = false, realPath = path) => ({ path, realPath, readOnly });
const accessOf = (collected: CollectedPaths, path: string) =>
  pathRules(collected).paths.find((access) => access.path === path)?.writable;

describe('path rules: the memory a machine goes on from', () => {
  const identity = { device: '1', inode: '2' };
  const continued = (kind?: PathKind) => {
    const collected = everything({ memory: { path: MEMORY, identity } });
    return kind === undefined ? collected : { ...collected, kinds: new Map(collected.kinds).set(MEMORY, kind) };
  };

  it('is a read-only single file, the one that was looked at, and no program', () => {
    const { paths } = pathRules(continued('file'));
    expect(paths.filter(({ path }) => path.includes('/templates'))).toEqual([
      { path: MEMORY, writable: false, identity, executable: false },
    ]);
  });

  it('is not writable, whatever disk or volume names it', () => {
    const disks = [{ path: MEMORY, writable: true }];
    expect(accessOf({ ...continued('file'), disks, volumes: [volume(MEMORY)] }, MEMORY)).toBe(false);
  });

  it.each([undefined, 'directory', 'device'] as const)('is not granted where there is %s', (kind) => {
    expect(accessOf(continued(kind), MEMORY)).toBeUndefined();
  });
});

describe('path rules: the rows of the table', () => {
  it.each(['socketsDir', 'tmpDir', 'sharedDir'] as const)('%s is read-write', (name) => {
    expect(accessOf(everything(), BOX[name])).toBe(true);
  });

  it.each([DISK, GUEST_DISK])('the disk %s is a read-write single file', (disk) => {
    expect(accessOf(everything(), disk)).toBe(true);
    expect(accessOf(everything(), `${DIR}/disks`)).toBeUndefined();
  });

  it('a guest rootfs that is attached directly is read-only', () => {
    expect(accessOf(everything({ disks: [{ path: IMAGE, writable: false }] }), IMAGE)).toBe(false);
  });

  it('logs/ and exit are granted only to a VMM that writes them itself', () => {
    for (const path of [BOX.logsDir, BOX.exitFile]) {
      expect(accessOf(everything(), path)).toBeUndefined();
      expect(accessOf(everything({ vmmWritesLogs: true }), path)).toBe(true);
    }
  });

  it.each([BOX.binDir, KERNEL])('%s is read-only', (path) => {
    expect(accessOf(everything(), path)).toBe(false);
  });

  it('every file of the backing chain of both disks is granted exactly once, read-only, without its directory on Linux', () => {
    const { paths } = pathRules(everything());
    for (const file of [CLONE, SOURCE, IMAGE]) {
      expect(paths.filter(({ path }) => path === file)).toEqual([{ path: file, writable: false, executable: false }]);
    }
    expect(paths.map(({ path }) => path)).not.toContain(`${HOME}/bases`);
  });

  it('on macOS the directories of the backing files are granted too', () => {
    const collected = everything({ platform: 'darwin', backingFiles: ['/bases/x.qcow2'] });
    expect(accessOf(collected, '/bases')).toBe(false);
  });

  it("the VMM's ELF closure and firmware are read-only, also where it asks for more", () => {
    expect(accessOf(everything({ vmm: [{ path: LIBC, writable: true }] }), LIBC)).toBe(false);
    expect(accessOf(everything(), '/usr')).toBeUndefined();
  });

  it("a user volume's host path is granted as the volume says", () => {
    const collected = everything({ volumes: [volume('/data'), volume('/srv/ro', true)] });
    expect(accessOf(collected, '/data')).toBe(true);
    expect(accessOf(collected, '/srv/ro')).toBe(false);
  });

  it('a missing volume is skipped', () => {
    const rules = pathRules(everything({ volumes: [volume('/gone')] }));
    expect(rules.paths.map(({ path }) => path)).not.toContain('/gone');
    expect(rules.refusedVolumes).toEqual([]);
  });

  it.each([BOX.mountsDir, BOX.controlDir, BOX.caDir, BOX.pidFile, BOX.stderrFile, DIR, `${HOME}/db`, `${HOME}/boxes`])(
    '%s is never granted, and masked',
    (path) => {
      const rules = pathRules(
        everything({ volumes: [volume('/home')], kinds: new Map([...everything().kinds, ['/home', 'directory']]) }),
      );
      expect(rules.paths.map((access) => access.path)).not.toContain(path);
      expect(rules.masked.map((masked) => masked.replace(/\/$/, ''))).toContain(path);
    },
  );

  it('devices are granted as needed, those every view has left out', () => {
    expect(pathRules(everything()).devices).toEqual(['/dev/kvm', '/dev/net/tun']);
    expect(pathRules(everything({}, ['/dev/kvm'])).devices).toEqual(['/dev/net/tun']);
  });

  it('the jail makes the short socket link inside its own /tmp', () => {
    expect(pathRules(everything()).symlinks).toEqual([{ path: '/tmp/bl-1000/box1', target: BOX.socketsDir }]);
  });
});

describe('path rules: in general', () => {
  it('a path is granted only if it exists', () => {
    const gone = [BOX.sharedDir, GUEST_DISK, CLONE, BOX.binDir, BOX.caDir];
    const rules = pathRules(everything({}, gone));
    for (const path of gone) {
      expect(rules.paths.map((access) => access.path)).not.toContain(path);
      expect(rules.masked).not.toContain(`${path}/`);
    }
  });

  it('order is stable whatever the order of the inputs, each path once, parents first', () => {
    const volumes = [volume('/data/sub', true), volume('/data')];
    const forward = pathRules(everything({ volumes }));
    const backward = pathRules(
      everything({
        volumes: [...volumes].reverse(),
        backingFiles: [IMAGE, SOURCE, CLONE],
        devices: ['/dev/kvm', '/dev/net/tun'],
      }),
    );
    expect(backward).toEqual(forward);
    const paths = forward.paths.map(({ path }) => path);
    expect(new Set(paths).size).toBe(paths.length);
    expect(paths.indexOf('/data')).toBeLessThan(paths.indexOf('/data/sub'));
    expect(forward.masked.indexOf(`${HOME}/`)).toBeLessThan(forward.masked.indexOf(`${BOX.controlDir}/`));
  });

  it('a volume is granted as the file that was checked, which the jail compares with what it shows', () => {
    const identity = { device: '7', inode: '8' };
    const [granted] = pathRules(everything({ volumes: [{ ...volume('/data'), identity }] })).paths.filter(
      ({ path }) => path === '/data',
    );
    expect(granted).toEqual({ path: '/data', writable: true, identity });
  });

  it('a read-only base never becomes writable, neither by a volume nor by being named as a disk', () => {
    const base = '/bases/x.qcow2';
    const collected = everything({
      backingFiles: [base],
      disks: [{ path: base, writable: true }],
      volumes: [volume(base)],
      kinds: new Map([...everything().kinds, [base, 'file']]),
    });
    expect(accessOf(collected, base)).toBe(false);
  });

  it('a read-only volume below a writable one stays read-only, and the other way round', () => {
    const collected = everything({ volumes: [volume('/data'), volume('/data/sub', true)] });
    expect([accessOf(collected, '/data'), accessOf(collected, '/data/sub')]).toEqual([true, false]);
  });

  it('what lies between a read-only volume and a writable one above it is granted too, and so cannot be renamed away', () => {
    const kinds = new Map([...everything().kinds, ['/data/a/b/kept', 'directory'] as const]);
    const volumes = [volume('/data'), volume('/data/a/b/kept', true)];
    const { paths } = pathRules(everything({ kinds, volumes }));
    expect(paths.filter(({ path }) => path.startsWith('/data'))).toEqual([
      { path: '/data', writable: true },
      { path: '/data/a', writable: true },
      { path: '/data/a/b', writable: true },
      { path: '/data/a/b/kept', writable: false, executable: false },
    ]);
    const alone = pathRules(everything({ kinds, volumes: [volume('/data/a/b/kept', true)] })).paths;
    expect(alone.map(({ path }) => path)).not.toContain('/data/a');
    const below = pathRules(
      everything({ kinds, volumes: [volume('/data', true), volume('/data/a/b/kept', true)] }),
    ).paths;
    expect(below.map(({ path }) => path)).not.toContain('/data/a');
  });

  it('of what is only read, the VMM may execute its own files alone: no volume, disk or kernel', () => {
    const { paths } = pathRules(everything({ volumes: [volume('/data', true)] }));
    const executable = paths
      .filter((access) => !access.writable && access.executable !== false)
      .map(({ path }) => path);
    const own = [BOX.binDir, ...everything().vmm.map(({ path }) => path)];
    expect(executable.length).toBeGreaterThan(0);
    expect(executable.filter((path) => !own.includes(path))).toEqual([]);
  });

  it('of two volumes of one path the writable one counts', () => {
    expect(accessOf(everything({ volumes: [volume('/data', true), volume('/data')] }), '/data')).toBe(true);
    expect(accessOf(everything({ volumes: [volume('/data'), volume('/data', true)] }), '/data')).toBe(true);
  });

  it.each([HOME, `${HOME}/boxes/other/disks`, `${HOME}/db`, BOX.controlDir, BOX.socketsDir, `${HOME}/bases`])(
    'a volume inside the BoxLite home is refused: %s',
    (path) => {
      const rules = pathRules(
        everything({ volumes: [volume(path)], kinds: new Map([...everything().kinds, [path, 'directory']]) }),
      );
      expect(rules.refusedVolumes).toEqual([path]);
      expect(rules.paths).toEqual(pathRules(everything()).paths);
    },
  );

  it('a volume that reaches the home through a symbolic link is refused', () => {
    const rules = pathRules(everything({ volumes: [volume('/data', false, `${HOME}/boxes`)] }));
    expect(rules.refusedVolumes).toEqual(['/data']);
  });

  it('a volume of the whole host is refused', () => {
    const kinds = new Map([...everything().kinds, ['/', 'directory'] as const]);
    expect(pathRules(everything({ kinds, volumes: [volume('/')] })).refusedVolumes).toEqual(['/']);
  });

  it('without mount isolation mounts/ is shared/ and stays granted', () => {
    const rules = pathRules(everything({ box: { ...BOX, mountsDir: BOX.sharedDir } }));
    expect(rules.paths).toContainEqual({ path: BOX.sharedDir, writable: true });
    expect(rules.masked).not.toContain(`${BOX.sharedDir}/`);
  });
});
