import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BoxliteError, parseBoxId, type StateStore } from '@boxlite/core';
import { createHomeLayout } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ImageDiskParts, imageDiskService } from './image-disk-service.js';

describe('the last use of the image disk under a box that is removed', () => {
  const box = { id: parseBoxId('abc'), containerDisk: '/boxes/abc/disks/disk.qcow2' };
  let base: string;
  let logged: string[];

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'boxlite-image-disks-'));
    logged = [];
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  function service(backingPath: () => Promise<string | undefined>) {
    return imageDiskService({
      layout: createHomeLayout(base),
      store: {} as StateStore,
      log: ({ level, message }) => void logged.push(`${level}: ${message}`),
      disks: async () => ({ backingPath }) as never,
    } as Partial<ImageDiskParts> as ImageDiskParts);
  }
  const oldFile = (directory: string) => {
    mkdirSync(join(base, directory), { recursive: true });
    const path = join(base, directory, `${'a'.repeat(64)}.ext4`);
    writeFileSync(path, '');
    utimesSync(path, 1000, 1000);
    return path;
  };
  const ageOf = (path: string) => Date.now() - statSync(path).mtimeMs;

  it('is noted', async () => {
    const disk = oldFile('images/disk-images');
    await service(async () => disk).noteDiskUse(box);
    expect(ageOf(disk)).toBeLessThan(60_000);
    expect(logged).toEqual([]);
  });

  it('is noted of nothing else, whatever name a VMM that was taken over has written into its disk', async () => {
    const other = oldFile('elsewhere');
    for (const name of [other, join(base, 'images/disk-images/../../elsewhere', `${'a'.repeat(64)}.ext4`)]) {
      await service(async () => name).noteDiskUse(box);
    }
    expect(ageOf(other)).toBeGreaterThan(60_000);
  });

  it.each([
    ['a box without a disk', async () => Promise.reject(new BoxliteError('not_found', 'no disk')), []],
    ['a disk that stands on nothing', async () => undefined, []],
    [
      'a disk that cannot be read',
      async () => Promise.reject(new BoxliteError('disk_invalid', 'damaged')),
      ['debug: the last use of an image disk could not be noted'],
    ],
  ])('does not keep %s from being removed', async (_what, backingPath, messages) => {
    await service(backingPath).noteDiskUse(box);
    expect(logged).toEqual(messages);
  });
});
