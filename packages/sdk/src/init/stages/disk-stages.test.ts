import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BoxRecord, BoxStateRecord, ResolvedImage } from '@boxlite/core';
import { BoxliteError, parseBoxId } from '@boxlite/core';
import { type BoxLayout, createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseBoxOptions } from '../../options/box-options.js';
import type { RuntimeServices } from '../../runtime/runtime-services.js';
import { CleanupGuard } from '../cleanup-guard.js';
import type { StartContext } from '../start-context.js';
import { containerRootfs } from './container-rootfs.js';
import { filesystemSetup } from './filesystem-setup.js';
import { guestRootfs } from './guest-rootfs.js';

const IMAGE = { reference: 'app:1', manifestDigest: `sha256:${'a'.repeat(64)}` } as unknown as ResolvedImage;
let base: string;
let layout: HomeLayout;
let box: BoxLayout;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-stages-'));
  layout = createHomeLayout(join(base, 'home'), { linkRoot: base });
  await layout.prepare();
  box = layout.box('abc');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** A context over fakes that note what they were asked for. */
function start(
  state: Partial<BoxStateRecord>,
  options: object = {},
  needed = 0,
  made: { id: string; format: 'raw' | 'qcow2' } = { id: 'qcow2', format: 'qcow2' },
) {
  const asked: unknown[] = [];
  const record = {
    config: { id: parseBoxId('abc') },
    state: { status: 'configured', updatedAt: 1, ...state },
  } as unknown as BoxRecord;
  const services = {
    layout,
    log: () => undefined,
    vmm: async () => ({ id: 'fake' }),
    resolveImage: async (reference: string) => {
      asked.push(`resolve ${reference}`);
      return IMAGE;
    },
    imageDisk: async (_image: ResolvedImage, { sizeBytes }: { sizeBytes: number }) => {
      asked.push(`disk of ${sizeBytes} bytes`);
      if (sizeBytes < needed) {
        throw new BoxliteError('invalid_argument', 'too small', { details: { field: 'sizeBytes', needed } });
      }
      return { path: '/images/base.ext4', release: async () => void asked.push('disk released') };
    },
    disks: async () => ({
      ...made,
      createChild: async (path: string, disk: object, size: object) => {
        asked.push({ path, disk, size });
        writeFileSync(path, 'child');
        return { path, format: made.format, virtualSize: 0 };
      },
    }),
    guestRootfs: async () => ({
      rootfs: { path: '/bases/guest.ext4' },
      recordUse: async (id: string) => void asked.push(`used by ${id}`),
      [Symbol.asyncDispose]: async () => void asked.push('lease released'),
    }),
    store: {
      snapshots: { list: async () => [] },
      boxes: {
        list: async () => [],
        update: async (_id: string, change: (state: BoxStateRecord) => BoxStateRecord) =>
          void asked.push(change(record.state)),
      },
    },
  } as unknown as RuntimeServices;
  const context: StartContext = {
    services,
    record,
    options: parseBoxOptions(options),
    box,
    guard: new CleanupGuard({ markFailed: async () => undefined, countFailure: () => undefined, log: () => undefined }),
    signal: undefined,
    onImageProgress: undefined,
  };
  return { context, asked };
}

describe('filesystem setup', () => {
  it('makes the directories and an empty shim.stderr of mode 0600 before anything is spawned', async () => {
    const before = process.umask(0);
    try {
      await filesystemSetup.run(start({}).context);
    } finally {
      process.umask(before);
    }
    for (const directory of [box.socketsDir, box.controlDir, box.tmpDir, box.disksDir, box.logsDir, box.sharedDir]) {
      expect(lstatSync(directory).mode & 0o7777, directory).toBe(0o700);
    }
    expect(lstatSync(box.stderrFile)).toMatchObject({ size: 0 });
    expect(lstatSync(box.stderrFile).mode & 0o7777).toBe(0o600);
  });

  it('puts the crash record of the lifecycle before aside and empties shim.stderr', async () => {
    await box.prepare();
    writeFileSync(box.exitFile, '{"kind":"Panic"}');
    writeFileSync(box.stderrFile, 'of an earlier VMM');
    await filesystemSetup.run(start({}).context);
    expect(existsSync(box.exitFile)).toBe(false);
    expect(readFileSync(box.exitPreviousFile, 'utf8')).toBe('{"kind":"Panic"}');
    expect(readFileSync(box.stderrFile, 'utf8')).toBe('');
  });

  it('refuses a bad volume before it makes anything', async () => {
    const { context } = start({}, { volumes: [{ hostPath: join(base, 'gone'), guestPath: '/v' }] });
    await expect(filesystemSetup.run(context)).rejects.toMatchObject({ code: 'config_error' });
    expect(existsSync(box.dir)).toBe(false);
  });
});

describe('the container rootfs', () => {
  beforeEach(() => box.prepare());

  it('of a new box is a copy-on-write child of the image disk, with its format said, of the size asked for', async () => {
    const { context, asked } = start({}, { image: 'app:1', diskSizeGb: 3 });
    await containerRootfs.run(context);
    const size = 3 * 1024 ** 3;
    expect(asked).toEqual([
      'resolve app:1',
      `disk of ${size} bytes`,
      {
        path: box.containerDisk,
        disk: { path: '/images/base.ext4', format: 'raw' },
        size: { virtualSize: size },
      },
      {
        ...{ status: 'configured', updatedAt: 1, image: IMAGE },
        disk: { store: 'qcow2', format: 'qcow2', base: '/images/base.ext4' },
      },
      'disk released',
    ]);
    expect(context).toMatchObject({ image: IMAGE, disk: { path: box.containerDisk, format: 'qcow2', store: 'qcow2' } });
  });

  it('is a raw file of another name where the home can clone files, and its store and format are recorded', async () => {
    const { context, asked } = start({}, { image: 'app:1' }, 0, { id: 'reflink', format: 'raw' });
    await containerRootfs.run(context);
    expect(asked).toContainEqual(expect.objectContaining({ image: IMAGE, disk: { store: 'reflink', format: 'raw' } }));
    expect(context.disk).toEqual({ path: box.rawContainerDisk, format: 'raw', store: 'reflink' });
    expect([existsSync(box.rawContainerDisk), existsSync(box.containerDisk)]).toEqual([true, false]);
  });

  it('of a stopped box keeps its format, whatever new disks are made of by now', async () => {
    writeFileSync(box.rawContainerDisk, 'with the files of the box');
    const stopped = { status: 'stopped', image: IMAGE, disk: { store: 'reflink', format: 'raw' } } as const;
    const { context, asked } = start(stopped);
    await containerRootfs.run(context);
    expect(asked).toEqual([]);
    expect(context.disk).toEqual({ path: box.rawContainerDisk, format: 'raw', store: 'reflink' });
  });

  it('gives the lease on its base back also when it cannot be made', async () => {
    const { context, asked } = start({}, { image: 'app:1' });
    rmSync(box.disksDir, { recursive: true });
    await expect(containerRootfs.run(context)).rejects.toThrow();
    expect(asked.at(-1)).toBe('disk released');
  });

  it('smaller than the image is refused before it is made, naming the option', async () => {
    const { context } = start({}, { image: 'app:1', diskSizeGb: 2 }, 2 * 1024 ** 3 + 1);
    await expect(containerRootfs.run(context)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: 'a disk of 2 GiB is too small for the image app:1, which needs 3 GiB',
      hint: 'set diskSizeGb (--disk-size) to 3 or more',
      details: { field: 'diskSizeGb', needed: 3 },
    });
    expect(existsSync(box.containerDisk)).toBe(false);
  });

  it('of a stopped box is its own disk, and neither image nor disk is asked for', async () => {
    writeFileSync(box.containerDisk, 'with the files of the box');
    const { context, asked } = start({ status: 'stopped', image: IMAGE });
    await containerRootfs.run(context);
    expect(asked).toEqual([]);
    // From before disks were recorded.
    expect(context).toMatchObject({ image: IMAGE, disk: { path: box.containerDisk, format: 'qcow2', store: 'qcow2' } });
    expect(readFileSync(box.containerDisk, 'utf8')).toBe('with the files of the box');
  });

  it('replaces a disk nothing has run from, left by a start that died before it recorded its image', async () => {
    writeFileSync(box.containerDisk, 'half');
    await containerRootfs.run(start({}).context);
    expect(readFileSync(box.containerDisk, 'utf8')).toBe('child');
  });

  it('is never made again in silence when the disk of a box is lost', async () => {
    const { context, asked } = start({ status: 'stopped', image: IMAGE });
    await expect(containerRootfs.run(context)).rejects.toMatchObject({
      code: 'storage_error',
      details: { path: box.containerDisk },
    });
    expect(asked).toEqual([]);
  });
});

it('the lease on the guest rootfs is given back only after the reference of the box is recorded', async () => {
  const { context, asked } = start({});
  await guestRootfs.run(context);
  expect(asked).toEqual(['used by abc', 'lease released']);
  expect(context.guestRootfsPath).toBe('/bases/guest.ext4');
});
