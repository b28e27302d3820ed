import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStateStore } from '@boxlite/db';
import { createHomeLayout, currentBootId, isAlive, selfIdentity } from '@boxlite/layout';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Boxlite, SimpleBox } from '../src/index.js';

let homeDir: string;
beforeEach(async () => {
  homeDir = await mkdtemp(join(tmpdir(), 'boxlite-sdk-'));
});
afterEach(() => rm(homeDir, { recursive: true, force: true }));

async function leases(): Promise<readonly string[]> {
  await using store = await openStateStore({
    file: createHomeLayout(homeDir).databaseFile,
    bootId: currentBootId(),
    self: selfIdentity(),
    isAlive,
  });
  return (await store.leases.list('')).map(({ entity }) => entity);
}

describe('a runtime', () => {
  it('vouches for boxes that remove themselves until they are gone or it is shut down', async () => {
    const boxlite = await Boxlite.open({ homeDir });
    const box = await boxlite.create({ autoRemove: true, name: 'volatile' });
    expect(await leases()).toEqual([`box-owner:${box.id}`]);
    await expect(boxlite.create({ autoRemove: true, name: 'volatile' })).rejects.toMatchObject({
      code: 'already_exists',
    });
    expect(await leases()).toEqual([`box-owner:${box.id}`]);
    await boxlite.remove(box.id);
    expect(await leases()).toEqual([]);
    await boxlite.create({ autoRemove: true });
    await boxlite.shutdown();
    expect(await leases()).toEqual([]);
  });

  it('gives out one handle for a box, and a new one for a new box of the same name', async () => {
    const boxlite = await Boxlite.open({ homeDir });
    const box = await boxlite.create({ name: 'same' });
    expect(await boxlite.get('same')).toBe(box);
    await boxlite.remove('same');
    const next = await boxlite.create({ name: 'same' });
    expect(await boxlite.get('same')).toBe(next);
    expect(next.id).not.toBe(box.id);
    await boxlite.shutdown();
  });

  it('that two shut down at once ends once', async () => {
    const boxlite = await Boxlite.open({ homeDir });
    await Promise.all([boxlite.shutdown(), boxlite[Symbol.asyncDispose](), boxlite.shutdown()]);
    await expect(boxlite.list()).rejects.toMatchObject({ code: 'stopped' });
    await expect(boxlite.get('any')).rejects.toMatchObject({ code: 'stopped' });
    await expect(boxlite.remove('any')).rejects.toMatchObject({ code: 'stopped' });
  });
});

describe('a SimpleBox', () => {
  it('is one box for callers of one process and boxes of one name, also when they are made at the same time', async () => {
    const [first, second] = [1, 2].map(() => new SimpleBox({ homeDir, name: 'shared' }));
    const boxes = await Promise.all([first?.box(), first?.box(), second?.box()]);
    expect(new Set(boxes.map((box) => box?.id)).size).toBe(1);
    await Promise.all([first?.stop(), second?.stop()]);
    const later = new SimpleBox({ homeDir, name: 'shared' });
    expect((await later.box()).id).toBe(boxes[0]?.id);
    await later.stop();
  });

  it('whose creation failed can be tried again, and stopped', async () => {
    const blocked = new SimpleBox({ homeDir: '/proc/no/home' });
    const code = { code: expect.stringMatching(/^(config|storage)_error|permission_denied$/) };
    await expect(blocked.box()).rejects.toMatchObject(code);
    await expect(blocked.box()).rejects.toMatchObject(code);
    await blocked.stop();
  });

  it('that nobody has used makes nothing when it is stopped, and nothing afterwards', async () => {
    const unused = new SimpleBox({ homeDir: join(homeDir, 'never') });
    await unused.stop();
    await expect(unused.exec('true')).rejects.toMatchObject({
      code: 'stopped',
      hint: expect.stringContaining('new SimpleBox'),
    });
    expect(
      await rm(join(homeDir, 'never')).then(
        () => 'made',
        () => 'not made',
      ),
    ).toBe('not made');
  });

  it('without a name is removed by stopping it, in the runtime it was given, which stays open', async () => {
    const runtime = await Boxlite.open({ homeDir });
    const box = new SimpleBox({ runtime });
    await box.box();
    expect(await runtime.list()).toHaveLength(1);
    await box.stop();
    expect(await runtime.list()).toEqual([]);
    await runtime.shutdown();
  });
});
