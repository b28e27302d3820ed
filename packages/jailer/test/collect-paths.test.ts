import { statSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError, type DiskLayer } from '@boxlite/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BoxPathNames, type CollectPathsRequest, collectPaths, pathRules } from '../src/index.js';

let work: string;
let home: string;
let box: BoxPathNames;
let disk: string;
let base: string;

beforeAll(async () => {
  work = await realpath(await mkdtemp('/var/tmp/boxlite-collect-'));
  home = join(work, 'home');
  const dir = join(home, 'boxes', 'b');
  const place = (name: string) => join(dir, name);
  box = {
    dir,
    socketsDir: place('sockets'),
    tmpDir: place('tmp'),
    sharedDir: place('shared'),
    binDir: place('bin'),
    mountsDir: place('mounts'),
    controlDir: place('control'),
    caDir: place('ca'),
    logsDir: place('logs'),
    exitFile: place('exit'),
    pidFile: place('shim.pid'),
    stderrFile: place('shim.stderr'),
  };
  for (const directory of [
    box.socketsDir,
    box.tmpDir,
    box.controlDir,
    place('disks'),
    join(home, 'bases'),
    join(work, 'data'),
  ]) {
    await mkdir(directory, { recursive: true });
  }
  disk = place('disks/disk.qcow2');
  base = join(home, 'bases', 'AAAAAAAA.qcow2');
  for (const file of [disk, base, box.pidFile]) await writeFile(file, '');
});
afterAll(() => rm(work, { recursive: true, force: true }));

function identityOf(path: string) {
  const { dev, ino } = statSync(path, { bigint: true });
  return { device: String(dev), inode: String(ino) };
}

const layer = (path: string): DiskLayer => ({ path, format: 'qcow2', virtualSize: 0 });

function request(parts: Partial<CollectPathsRequest> = {}): CollectPathsRequest {
  return {
    home,
    box,
    disks: [{ path: disk, format: 'qcow2', readOnly: false }],
    diskStore: { chain: async (path) => [layer(path), layer(base)] },
    ...parts,
  };
}

describe('the memory a machine goes on from', () => {
  it('is granted as the file it was, and not as what a link in its place leads to', async () => {
    const place = join(home, 'boxes', 'other', 'snapshots', 's');
    await mkdir(place, { recursive: true });
    const [memory, link] = [join(place, 'memory'), join(place, 'link')];
    await writeFile(memory, '');
    await symlink(memory, link);
    const granted = async (path: string) =>
      pathRules(await collectPaths(request({ memory: path }))).paths.filter(({ path }) => path.startsWith(place));
    expect(await granted(memory)).toEqual([
      { path: memory, writable: false, identity: identityOf(memory), executable: false },
    ]);
    expect(await granted(link)).toEqual([]);
    expect(await granted(place)).toEqual([]);
    expect(await granted(join(place, 'none'))).toEqual([]);
  });
});

describe('collecting what the path rules decide from', () => {
  it('finds what exists, and the files below each disk', async () => {
    const collected = await collectPaths(request({ devices: ['/dev/null', '/dev/none'] }));
    expect(collected.backingFiles).toEqual([base]);
    expect(Object.fromEntries(collected.kinds)).toEqual({
      [home]: 'directory',
      [join(home, 'boxes')]: 'directory',
      [box.dir]: 'directory',
      [box.socketsDir]: 'directory',
      [box.tmpDir]: 'directory',
      [box.controlDir]: 'directory',
      [box.pidFile]: 'file',
      [disk]: 'file',
      [base]: 'file',
      '/dev/null': 'device',
    });
    expect(pathRules(collected).paths).toEqual([
      { path: base, writable: false, identity: identityOf(base), executable: false },
      { path: disk, writable: true },
      { path: box.socketsDir, writable: true },
      { path: box.tmpDir, writable: true },
    ]);
  });

  it('does not read the chain of a disk that is not there yet', async () => {
    const diskStore = { chain: () => Promise.reject(new Error('read')) };
    const disks = [{ path: join(work, 'later'), format: 'qcow2' as const, readOnly: false }];
    expect((await collectPaths(request({ disks, diskStore }))).backingFiles).toEqual([]);
  });

  it('passes the disk store’s refusal of a damaged chain on', async () => {
    const diskStore = { chain: () => Promise.reject(new BoxliteError('disk_chain_invalid', 'loop')) };
    await expect(collectPaths(request({ diskStore }))).rejects.toMatchObject({ code: 'disk_chain_invalid' });
  });

  it('does not follow a symbolic link in a place of the box', async () => {
    await symlink('/etc', box.sharedDir);
    try {
      const collected = await collectPaths(request());
      expect(collected.kinds.has(box.sharedDir)).toBe(false);
      expect(pathRules(collected).paths.map(({ path }) => path)).not.toContain(box.sharedDir);
    } finally {
      await rm(box.sharedDir);
    }
  });

  it('sees through a volume that is a symbolic link into the home', async () => {
    const link = join(work, 'link');
    await symlink(join(home, 'boxes'), link);
    const volumes = [
      { hostPath: link, readOnly: false },
      { hostPath: join(work, 'data'), readOnly: true },
      { hostPath: join(work, 'gone'), readOnly: false },
    ];
    const rules = pathRules(await collectPaths(request({ volumes })));
    expect(rules.refusedVolumes).toEqual([link]);
    expect(rules.paths).toContainEqual({ path: join(work, 'data'), writable: false, executable: false });
  });
});
