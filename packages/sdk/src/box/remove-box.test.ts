import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BoxRecord, parseBoxId } from '@boxlite/core';
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

const recordOf = (options: Readonly<Record<string, unknown>> = {}, pooled?: true): BoxRecord => ({
  config: { id: ID, createdAt: 1, options },
  state: { status: 'stopped', updatedAt: 1, ...(pooled && { pooled }) },
});

/** What removal uses of the services, and a list of what it did. */
function services(overrides: Partial<RuntimeServices> = {}) {
  const done: string[] = [];
  const fake = {
    layout: home,
    store: {
      baseDisks: { list: async () => [] },
      boxes: {
        get: async () => undefined,
        delete: async (_id: string, { durable = true } = {}) => {
          const files = existsSync(box.dir) ? 'still there' : 'gone';
          done.push(`${durable ? 'durably the record' : 'the record'}, with its files ${files}`);
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
    await removeBoxFiles(fake, recordOf(), box);
    expect(done).toEqual([
      'use of the disk of abc',
      'cgroup of abc',
      'durably the record, with its files still there',
      'owner told',
    ]);
    expect([existsSync(box.dir), existsSync(box.socketLink)]).toEqual([false, false]);
  });

  it.each([
    ['removes itself', recordOf({ autoRemove: true })],
    ['is nobody’s yet', recordOf({}, true)],
  ])('syncs no disk for a box that %s: after a power cut it is removed again', async (_which, record) => {
    const { fake, done } = services();
    await removeBoxFiles(fake, record, box);
    expect(done).toContain('the record, with its files still there');
  });

  it('is not kept from it by a cgroup that does not go', async () => {
    const { fake, done } = services({
      forgetJail: async () => {
        throw new Error('busy');
      },
    });
    await removeBoxFiles(fake, recordOf(), box);
    expect(done[1]).toBe('warn: the cgroup of the box could not be removed');
    expect(existsSync(box.dir)).toBe(false);
  });
});
