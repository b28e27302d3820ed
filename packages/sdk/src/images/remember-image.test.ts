import type { ImageRecord, ImageStore } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { lastUse, rememberImage } from './remember-image.js';

const digest = (letter: string) => `sha256:${letter.repeat(64)}` as const;
const IMAGE = {
  reference: 'dir:/x',
  manifestDigest: digest('a'),
  configDigest: digest('b'),
  platform: { os: 'linux', architecture: 'amd64' },
  config: { entrypoint: [], cmd: [], env: [], workingDir: '/', user: '', exposedPorts: [], labels: {} },
  layers: [{ digest: digest('c'), diffId: digest('d'), mediaType: 'x', size: 12 }],
};

/** A store in memory, with what was written to it. */
function memoryStore(): { readonly store: ImageStore; readonly writes: string[] } {
  const records = new Map<string, ImageRecord>();
  const writes: string[] = [];
  const store: ImageStore = {
    async put(record) {
      writes.push('put');
      records.set(record.reference, record);
    },
    get: async (reference) => records.get(reference),
    list: async () => [...records.values()],
    delete: async (reference) => records.delete(reference),
    async touch(reference, usedAt) {
      writes.push('touch');
      const record = records.get(reference);
      if (record !== undefined) records.set(reference, { ...record, lastUsedAt: usedAt });
      return record !== undefined;
    },
  };
  return { store, writes };
}

describe('an image that is used', () => {
  it('is recorded when its source has not recorded it', async () => {
    const { store } = memoryStore();
    await rememberImage(store, IMAGE, 5);
    expect(await store.get('dir:/x')).toMatchObject({
      manifestDigest: digest('a'),
      layers: [digest('c')],
      sizeBytes: 12,
    });
  });

  it('is recorded anew when it has changed', async () => {
    const { store } = memoryStore();
    await rememberImage(store, IMAGE, 5);
    await rememberImage(store, { ...IMAGE, manifestDigest: digest('e') }, 6);
    expect(await store.get('dir:/x')).toMatchObject({ manifestDigest: digest('e'), cachedAt: 6 });
  });

  it('keeps the record another process has made meanwhile, when its source records what it has', async () => {
    const { store, writes } = memoryStore();
    await rememberImage(store, { ...IMAGE, manifestDigest: digest('e') }, 5);
    await rememberImage(store, IMAGE, 6, { recordedBySource: true });
    expect(await store.get('dir:/x')).toMatchObject({ manifestDigest: digest('e') });
    await store.delete('dir:/x');
    await rememberImage(store, IMAGE, 7, { recordedBySource: true });
    expect(await store.get('dir:/x')).toBeUndefined();
    expect(writes).toEqual(['put']);
  });

  it('has its use written down once an hour, not at each start', async () => {
    const { store, writes } = memoryStore();
    const hour = 3_600_000;
    for (const now of [0, 1, hour, hour + 1, hour + 2]) await rememberImage(store, IMAGE, now);
    expect(writes).toEqual(['put', 'touch']);
    expect(lastUse((await store.get('dir:/x')) as ImageRecord)).toBe(hour + 1);
  });
});
