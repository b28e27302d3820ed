import type { Digest } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { createImageTally } from './image-tally.js';

const [FIRST, SECOND] = ['a', 'b'].map((letter) => `sha256:${letter.repeat(64)}` as Digest) as [Digest, Digest];

describe('the sums over the layers of an image', () => {
  it('follow each layer, also backwards, and know what needed no fetching', () => {
    const tally = createImageTally([
      { digest: FIRST, size: 100 },
      { digest: SECOND, size: 50 },
    ]);
    const after = (kind: 'download' | 'verify' | 'done', digest: Digest, bytes: number) =>
      tally.count({ kind, digest, bytes }).image;
    expect(after('download', FIRST, 0)).toEqual({
      layers: 2,
      layersDone: 0,
      bytes: 0,
      totalBytes: 150,
      cachedBytes: 0,
    });
    expect(after('download', FIRST, 80)).toMatchObject({ bytes: 80 });
    expect(after('download', FIRST, 10)).toMatchObject({ bytes: 10 });
    expect(after('done', SECOND, 50)).toMatchObject({ layersDone: 1, bytes: 60, cachedBytes: 50 });
    expect(after('done', FIRST, 100)).toEqual({
      layers: 2,
      layersDone: 2,
      bytes: 150,
      totalBytes: 150,
      cachedBytes: 50,
    });
  });

  it('are told with events about anything', () => {
    const tally = createImageTally([{ digest: FIRST, size: 1 }]);
    expect(tally.count({ kind: 'retry', message: 'x' })).toMatchObject({ message: 'x', image: { layers: 1 } });
    expect(tally.count({ kind: 'done', digest: SECOND }).image).toMatchObject({ layersDone: 0 });
  });
});
