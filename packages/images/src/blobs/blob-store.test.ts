import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHomeLayout } from '@boxlite/layout';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BlobStore } from './blob-store.js';
import { sha256 } from './sha256.js';

const BYTES = Buffer.alloc(100_000, 'layer');
const BLOB = { digest: sha256(BYTES), size: BYTES.length };

async function emptyStore() {
  const directory = await mkdtemp(join(tmpdir(), 'boxlite-blobs-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const home = createHomeLayout(join(directory, 'home'));
  await home.prepare();
  return { home, blobs: new BlobStore(home), again: () => new BlobStore(home) };
}

describe('the blob store', () => {
  it('gives a blob its name when it is whole, mode 0600 whatever the umask', async () => {
    const { home, blobs } = await emptyStore();
    const umask = process.umask(0o777);
    try {
      await blobs.ensure('layers', BLOB, (sink) => sink.write(BYTES));
    } finally {
      process.umask(umask);
    }
    expect((await readFile(blobs.path('layers', BLOB.digest))).equals(BYTES)).toBe(true);
    expect((await stat(blobs.path('layers', BLOB.digest))).mode & 0o7777).toBe(0o600);
    expect(await readdir(home.tmpDir)).toEqual([]);
  });

  it.each<[string, Buffer, string]>([
    ['truncated', BYTES.subarray(1), 'digest_mismatch'],
    ['too long', Buffer.concat([BYTES, BYTES]), 'digest_mismatch'],
    ['other bytes', Buffer.alloc(BYTES.length, 'other'), 'digest_mismatch'],
  ])('never gives it to one that is %s', async (_title, bytes, code) => {
    const { home, blobs } = await emptyStore();
    await expect(blobs.ensure('layers', BLOB, (sink) => sink.write(bytes))).rejects.toMatchObject({ code });
    expect([await readdir(home.tmpDir), await readdir(home.layersDir)]).toEqual([[], []]);
  });

  it('leaves nothing when the fetch fails half way, and fetches again the next time', async () => {
    const { home, blobs } = await emptyStore();
    const failing = blobs.ensure('layers', BLOB, async (sink) => {
      await sink.write(BYTES.subarray(0, 50_000));
      throw new Error('network');
    });
    await expect(failing).rejects.toMatchObject({ code: 'storage_error', message: expect.stringContaining('network') });
    expect(await readdir(home.tmpDir)).toEqual([]);
    await blobs.ensure('layers', BLOB, (sink) => sink.write(BYTES));
    expect(await blobs.has('layers', BLOB)).toBe(true);
  });

  it('starts over when asked to', async () => {
    const { blobs } = await emptyStore();
    await blobs.ensure('layers', BLOB, async (sink) => {
      await sink.write(Buffer.alloc(60_000));
      await sink.reset();
      expect(sink.size).toBe(0);
      await sink.write(BYTES);
    });
    expect(await blobs.verify('layers', BLOB)).toBe(true);
  });

  it('fetches a blob once for many callers, and not at all when it is there', async () => {
    const { blobs, again } = await emptyStore();
    let fetches = 0;
    const fetch = (store: BlobStore) =>
      store.ensure('layers', BLOB, async (sink) => {
        fetches += 1;
        await sink.write(BYTES);
      });
    await Promise.all(Array.from({ length: 10 }, () => fetch(blobs)));
    await fetch(blobs);
    await fetch(again());
    expect(fetches).toBe(1);
  });

  it('finds a damaged blob by its bytes and fetches it again', async () => {
    const { blobs, again } = await emptyStore();
    await blobs.ensure('layers', BLOB, (sink) => sink.write(BYTES));
    await writeFile(blobs.path('layers', BLOB.digest), Buffer.alloc(BYTES.length));
    for (const store of [blobs, again()]) expect(await store.has('layers', BLOB)).toBe(true);
    expect(await again().verify('layers', BLOB)).toBe(false);
    await blobs.ensure('layers', BLOB, (sink) => sink.write(BYTES));
    expect(await again().verify('layers', BLOB)).toBe(true);
  });

  it('removes a damaged blob also when it cannot be fetched again', async () => {
    const { blobs } = await emptyStore();
    await blobs.ensure('layers', BLOB, (sink) => sink.write(BYTES));
    await writeFile(blobs.path('layers', BLOB.digest), Buffer.alloc(BYTES.length));
    await expect(blobs.ensure('layers', BLOB, () => Promise.reject(new Error('network')))).rejects.toThrow('network');
    expect(await blobs.has('layers', BLOB)).toBe(false);
  });

  it('never takes a blob of another size than was asked for', async () => {
    const { blobs } = await emptyStore();
    await blobs.ensure('layers', BLOB, (sink) => sink.write(BYTES));
    const wrong = { digest: BLOB.digest, size: BLOB.size + 1 };
    expect(await blobs.verify('layers', wrong)).toBe(false);
    await expect(blobs.ensure('layers', wrong, (sink) => sink.write(BYTES))).rejects.toMatchObject({
      code: 'digest_mismatch',
    });
    expect(await blobs.verify('layers', BLOB)).toBe(true);
  });

  it('hashes a document each time it is read', async () => {
    const { blobs } = await emptyStore();
    const digest = await blobs.putDocument('manifests', Buffer.from('{}'));
    expect(Buffer.from((await blobs.readDocument('manifests', digest)) ?? []).toString()).toBe('{}');
    await writeFile(blobs.path('manifests', digest), '[]');
    expect(await blobs.readDocument('manifests', digest)).toBeUndefined();
    expect(await blobs.readDocument('configs', digest)).toBeUndefined();
  });
});
