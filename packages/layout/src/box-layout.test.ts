import { relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { forbiddenBoxPaths, grantableBoxPaths, selfLoggingBoxPaths } from './box-grants.js';
import { createHomeLayout } from './home-layout.js';

const home = createHomeLayout('/data/boxes', { uid: 1000, platform: 'linux' });
const box = home.box('abcDEF012345');
const inBox = (path: string): string => relative('/data/boxes/boxes/abcDEF012345', path);

describe('the layout of a box', () => {
  it('puts every file where the specification says', () => {
    const { id, uid, isolation, container, prepare, cleanup, ...paths } = box;
    const links = [
      'socketLink',
      'agentSocket',
      'readySocket',
      'networkSocket',
      'controlLink',
      'apiSocket',
      'qmpSocket',
    ];
    const own = Object.fromEntries(
      Object.entries(paths)
        .filter(([name]) => !links.includes(name))
        .map(([name, path]) => [name, inBox(path)]),
    );
    expect(own).toEqual({
      dir: '',
      socketsDir: 'sockets',
      controlDir: 'control',
      tmpDir: 'tmp',
      mountsDir: 'shared',
      sharedDir: 'shared',
      binDir: 'bin',
      caDir: 'ca',
      caCertificate: 'ca/cert.pem',
      caKey: 'ca/key.pem',
      logsDir: 'logs',
      consoleLog: 'logs/console.log',
      disksDir: 'disks',
      containerDisk: 'disks/disk.qcow2',
      rawContainerDisk: 'disks/disk.raw',
      snapshotsDir: 'snapshots',
      guestRootfsOverlay: 'disks/guest-rootfs.qcow2',
      pidFile: 'shim.pid',
      stderrFile: 'shim.stderr',
      exitFile: 'exit',
      exitPreviousFile: 'exit.previous',
    });
  });

  it('names every socket through a short link, because sun_path is short', () => {
    expect(box.agentSocket).toBe('/tmp/bl-1000/abcDEF012345/box.sock');
    expect(box.readySocket).toBe('/tmp/bl-1000/abcDEF012345/ready.sock');
    expect(box.networkSocket).toBe('/tmp/bl-1000/abcDEF012345/net.sock');
    expect(box.apiSocket).toBe('/tmp/bl-1000/abcDEF012345.control/api.sock');
    expect(box.qmpSocket).toBe('/tmp/bl-1000/abcDEF012345.control/qmp.sock');
  });

  it('lays out a container’s mounts, and takes no id that climbs', () => {
    const mounts = box.container('c1');
    expect(Object.values(mounts).map(inBox)).toEqual([
      'shared/containers/c1',
      'shared/containers/c1/image',
      'shared/containers/c1/overlayfs/upper',
      'shared/containers/c1/overlayfs/work',
      'shared/containers/c1/rootfs',
    ]);
    expect(() => box.container('../../x')).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('takes any id of 1 to 128 characters of A-Z a-z 0-9 _ - and no other', () => {
    for (const id of ['a', 'box_1-x', 'z'.repeat(128)]) expect(home.box(id).id).toBe(id);
    for (const id of ['', '..', 'a/b', 'a.b', 'ä', 'z'.repeat(129), 'a\0']) {
      expect(() => home.box(id)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    }
  });
});

describe('what a jail may grant', () => {
  const isolated = home.box('abcDEF012345', { isolateMounts: true, bindMountsSupported: true });

  it('lies under the box directory, every box-owned path of it', () => {
    for (const layout of [box, isolated]) {
      const granted = [...grantableBoxPaths(layout), ...selfLoggingBoxPaths(layout)];
      for (const { path } of granted) expect(path.startsWith(`${layout.dir}/`), path).toBe(true);
    }
  });

  it('is never the box directory, nor a forbidden path, nor above or below one', () => {
    for (const layout of [box, isolated]) {
      const granted = [...grantableBoxPaths(layout), ...selfLoggingBoxPaths(layout)].map(({ path }) => path);
      expect(granted).not.toContain(layout.dir);
      for (const forbidden of forbiddenBoxPaths(layout)) {
        for (const path of granted) {
          expect(`${path}/`.startsWith(`${forbidden}/`), path).toBe(false);
          expect(`${forbidden}/`.startsWith(`${path}/`), path).toBe(false);
        }
      }
    }
  });

  it('forbids mounts/, control/, shim.pid, shim.stderr and ca/', () => {
    expect(forbiddenBoxPaths(isolated).map(inBox)).toEqual(['mounts', 'control', 'shim.pid', 'shim.stderr', 'ca']);
  });
});
