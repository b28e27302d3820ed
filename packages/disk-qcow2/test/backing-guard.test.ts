import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createBackingGuard } from '../src/backing-guard.js';
import { createQcow2DiskStore, openDisk } from '../src/index.js';
import { qemuImg } from './qemu-tools.js';
import { temporaryDirectory } from './temporary-directory.js';

let directory: string;
let allowed: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
  allowed = join(directory, 'allowed');
  await mkdir(join(allowed, 'deep'), { recursive: true });
  await mkdir(join(directory, 'allowed-not'));
  for (const name of ['secret', 'allowed/inside', 'allowed/deep/inside', 'allowed-not/file']) {
    await writeFile(join(directory, name), Buffer.alloc(2 ** 20, 7));
  }
});

/** A disk whose backing file is named as given, whatever there is. */
async function overlay(backing: string): Promise<string> {
  const path = join(allowed, 'disk');
  await rm(path, { force: true });
  await qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', backing, '-F', 'raw', path, '1M');
  return path;
}

const refused = { code: 'disk_chain_invalid', details: { field: 'backing_file' } };

describe('a backing file outside the allowed directories', () => {
  it.each([
    ['by its absolute path', (base: string) => join(base, 'secret')],
    ['by a relative path', () => '../secret'],
    ['by a path that climbs out of an allowed one', (base: string) => `${base}/allowed/deep/../../secret`],
    ['beside one of the same beginning', (base: string) => join(base, 'allowed-not/file')],
    ['a file of the system', () => '/etc/passwd'],
  ])('is never opened: %s', async (_, name) => {
    const path = await overlay(name(directory));
    await expect(openDisk(path, { format: 'qcow2', allowedDirectories: [allowed] })).rejects.toMatchObject(refused);
    const store = createQcow2DiskStore({ allowedDirectories: [allowed] });
    await expect(store.chain(path)).rejects.toMatchObject(refused);
    await expect(store.flatten(path, join(allowed, 'flat'))).rejects.toMatchObject(refused);
    await expect(store.grow(path, 2 ** 21)).rejects.toMatchObject(refused);
  });

  it('is found behind a symbolic link to a directory', async () => {
    await symlink(directory, join(allowed, 'way-out'));
    const path = await overlay(join(allowed, 'way-out', 'secret'));
    await expect(openDisk(path, { format: 'qcow2', allowedDirectories: [allowed] })).rejects.toMatchObject(refused);
  });

  it('is no base for a child', async () => {
    const store = createQcow2DiskStore({ allowedDirectories: [allowed] });
    const base = { path: join(directory, 'secret'), format: 'raw' } as const;
    await expect(store.createChild(join(allowed, 'child'), base)).rejects.toMatchObject({
      code: 'disk_chain_invalid',
      details: { field: 'backing_file' },
    });
  });

  it('is found out when its directory is replaced while it is opened', async () => {
    const guard = createBackingGuard([allowed]);
    const path = join(allowed, 'deep', 'inside');
    guard.requireAllowed(path);
    await rename(join(allowed, 'deep'), join(directory, 'moved'));
    await mkdir(join(allowed, 'deep'));
    await writeFile(path, 'another');
    const { closeDiskFile, openDiskFile } = await import('../src/disk-file.js');
    const other = openDiskFile(join(directory, 'moved', 'inside'));
    expect(() => guard.requireSame({ ...other, path })).toThrow(
      expect.objectContaining({ code: 'disk_chain_invalid' }),
    );
    closeDiskFile(other);
  });
});

describe('a backing file inside them', () => {
  it.each([['inside'], ['deep/inside'], ['deep/../inside']])('is read: %s', async (name) => {
    const path = await overlay(name);
    await symlink(allowed, join(directory, 'link'));
    await using disk = await openDisk(path, { format: 'qcow2', allowedDirectories: [join(directory, 'link')] });
    expect((await disk.read(1000, 1))[0]).toBe(7);
  });

  it('that is a symbolic link is refused as ever', async () => {
    await symlink(join(directory, 'secret'), join(allowed, 'link'));
    const path = await overlay('link');
    await expect(openDisk(path, { format: 'qcow2', allowedDirectories: [allowed] })).rejects.toMatchObject({
      code: 'disk_invalid',
    });
  });

  it('a device is refused, also where its directory is allowed', async () => {
    const path = await overlay('/dev/zero');
    await expect(openDisk(path, { format: 'qcow2', allowedDirectories: ['/dev'] })).rejects.toMatchObject({
      code: 'disk_invalid',
    });
  });
});
