import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Boxlite } from '@boxlite/sdk';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkFileSystem,
  readScan,
  type ScannedFile,
  scanImage,
  scanScript,
  scanTree,
} from '../../packages/rootfs/test/support/host.js';
import { writeOddTree } from '../../packages/rootfs/test/support/odd-tree.js';
import { debianImageLayout, whyNoDebianImage } from '../../scripts/debian-image.mjs';
import { addLayer } from '../support/add-layer.js';
import { patience } from '../support/patience.js';
import { type TemporaryHome, temporaryHome } from '../support/temporary-home.js';
import { writeLargeFiles, writeSmallFiles } from '../support/write-layers.js';

const run = promisify(execFile);
const isFull = process.env.BOXLITE_TEST_FULL === '1';
const gap = whyNoDebianImage();
const LIMIT_MS = patience(isFull ? 1_800_000 : 400_000);

/** For whoever rules the machine. */
const RULERS_XATTRS = /^trusted\./;
/** The same, and access control lists, which libkrunfw's kernel is built without. */
const UNSEEN_WITHOUT_ACLS = /^(trusted\.|system\.posix_acl_)/;

let home: TemporaryHome;
/** What a container on the kernel that was booted does not see. */
let unseenXattrs = RULERS_XATTRS;
let boxlite: Boxlite;

beforeAll(async () => {
  home = await temporaryHome();
  boxlite = await Boxlite.open({ homeDir: home.home });
});

afterAll(async () => {
  await boxlite.shutdown();
  await home.remove();
});

describe.skipIf(gap !== undefined)(
  `a real image in a box, entry by entry${gap === undefined ? '' : ` (${gap})`}`,
  () => {
    it(
      'Debian by debootstrap and every odd entry over it: the guest kernel reads the same tree as umoci unpacks',
      () => compare('odd-entries', writeOddLayer),
      LIMIT_MS,
    );

    it.skipIf(!isFull)(
      'Debian by debootstrap and 50 000 small files over it: the guest kernel reads the same tree as umoci unpacks',
      () => compare('small-files', (tar) => writeSmallFiles(tar, 50_000)),
      LIMIT_MS,
    );

    it.skipIf(!isFull)(
      'Debian by debootstrap and 5 GB over it, in files of up to 3 GB: the guest kernel reads the same tree as umoci unpacks',
      () => compare('large-files', writeLargeFiles),
      LIMIT_MS,
    );
  },
);

async function writeOddLayer(tar: string): Promise<void> {
  const tree = `${tar}.tree`;
  await mkdir(join(tree, 'odd'), { recursive: true });
  writeOddTree(join(tree, 'odd'));
  await run('tar', ['--format=posix', '--xattrs', '--xattrs-include=*.*', '-cf', tar, '-C', tree, 'odd']);
  await rm(tree, { recursive: true });
}

async function compare(name: string, writeLayer: (tar: string) => Promise<void>): Promise<void> {
  const work = join(home.home, `of-${name}`);
  const layout = join(work, 'layout');
  await mkdir(work);
  await cp(debianImageLayout(), layout, { recursive: true });
  await writeLayer(join(work, 'layer.tar'));
  await addLayer(layout, 'large', join(work, 'layer.tar'));
  try {
    await run('umoci', ['unpack', '--image', `${layout}:large`, join(work, 'bundle')]);
    const expected = await scanTree(join(work, 'bundle/rootfs'));
    await rm(join(work, 'bundle'), { recursive: true });

    const inGuest = await scanInBox(`oci:${layout}:large`);
    const [disk, ...others] = (await readdir(join(home.home, 'images/disk-images'))).filter((file) =>
      file.endsWith('.ext4'),
    );
    expect(others).toEqual([]);
    const path = join(home.home, 'images/disk-images', disk as string);
    await checkFileSystem(path);
    expectSameTree(await scanImage(path), expected);
    expectSameTree(inGuest, seenInBox(expected, inGuest));
    await rm(path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function scanInBox(image: string): Promise<Record<string, ScannedFile>> {
  const box = await boxlite.create({ image, memoryMib: 512, cpus: 1 });
  try {
    await box.start();
    unseenXattrs = (await box.info()).kernel?.source === 'libkrunfw' ? UNSEEN_WITHOUT_ACLS : RULERS_XATTRS;
    const script = await readFile(scanScript, 'utf8');
    const { exitCode, stdout, stderr } = await box.run('python3', ['-c', script, '/']);
    expect(Buffer.from(stderr).toString()).toBe('');
    expect(exitCode).toBe(0);
    return readScan(Buffer.from(stdout).toString());
  } finally {
    await boxlite.remove(box.id, { force: true });
  }
}

/**
 * What of a tree a container sees: not what something is mounted over, nor some attributes. Where a place to mount on had to be made first, that has
 * changed the time of its directory.
 */
function seenInBox(tree: Record<string, ScannedFile>, inBox: Record<string, ScannedFile>): Record<string, ScannedFile> {
  const mounts = Object.keys(inBox).filter((path) => inBox[path]?.elsewhere === true);
  expect(mounts).toEqual(expect.arrayContaining(['/dev', '/proc', '/sys']));
  const touched = new Set(mounts.filter((path) => tree[path] === undefined).map((path) => dirname(path)));
  const seen = Object.entries(tree)
    .filter(([path]) => !mounts.some((mount) => path === mount || path.startsWith(`${mount}/`)))
    .map(([path, file]) => {
      const xattrs = Object.fromEntries(Object.entries(file.xattrs).filter(([name]) => !unseenXattrs.test(name)));
      const mtime = touched.has(path) ? (inBox[path]?.mtime ?? file.mtime) : file.mtime;
      return [path, { ...file, mtime, xattrs }];
    });
  return Object.fromEntries([...seen, ...mounts.map((path) => [path, inBox[path]])]);
}

/** A difference of two trees of 60 000 files, printed whole, helps nobody. */
function expectSameTree(actual: Record<string, ScannedFile>, expected: Record<string, ScannedFile>): void {
  const paths = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  const different = [...paths].filter((path) => JSON.stringify(actual[path]) !== JSON.stringify(expected[path]));
  const shown = different.slice(0, 20);
  const pick = (tree: Record<string, ScannedFile>) => Object.fromEntries(shown.map((path) => [path, tree[path]]));
  expect(pick(actual)).toEqual(pick(expected));
  expect(different).toEqual([]);
  expect(paths.size).toBeGreaterThan(5000);
}
