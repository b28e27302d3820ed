import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseBoxId } from '@boxlite/core';
import { type BoxLayout, createHomeLayout, type HomeLayout } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { removeBoxFiles } from './remove-box-files.js';

const ID = parseBoxId('abc');
let base: string;
let home: HomeLayout;
let box: BoxLayout;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'boxlite-remove-'));
  home = createHomeLayout(join(base, 'home'), { linkRoot: base });
  await home.prepare();
  box = home.box(ID);
  await box.prepare();
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** What removal uses of the services, and a list of what it did. */
function services(overrides: Partial<RuntimeServices> = {}) {
  const done: string[] = [];
  const fake = {
    layout: home,
    store: {
      baseDisks: { list: async () => [] },
      boxes: {
        get: async () => undefined,
        delete: async () => {
          done.push(`record, with its files ${existsSync(box.dir) ? 'still there' : 'gone'}`);
          return true;
        },
      },
    },
    noteDiskUse: async ({ id }: { id: string }) => void done.push(`use of the disk of ${id}`),
    boxRemoved: async () => void done.push('owner told'),
    forgetJail: async (id: string) => void done.push(`cgroup of ${id}`),
    log: ({ level, message }: { level: string; message: string }) => void done.push(`${level}: ${message}`),
    ...overrides,
  } as unknown as RuntimeServices;
  return { fake, done };
}

describe('removing the files of a box that is not running', () => {
  it('notes the last use of what its disk stands on, removes its cgroup, then the record, then the files', async () => {
    const { fake, done } = services();
    await removeBoxFiles(fake, ID, box);
    expect(done).toEqual([
      'use of the disk of abc',
      'cgroup of abc',
      'record, with its files still there',
      'owner told',
    ]);
    expect([existsSync(box.dir), existsSync(box.socketLink)]).toEqual([false, false]);
  });

  it('is not kept from it by a cgroup that does not go', async () => {
    const { fake, done } = services({
      forgetJail: async () => {
        throw new Error('busy');
      },
    });
    await removeBoxFiles(fake, ID, box);
    expect(done[1]).toBe('warn: the cgroup of the box could not be removed');
    expect(existsSync(box.dir)).toBe(false);
  });
});
