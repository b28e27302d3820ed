import type { ImageSource } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { chooseImageSource, type SourceCandidate } from './choose-image-source.js';

function candidate(id: string, prefix: string, more: Partial<SourceCandidate> = {}): SourceCandidate {
  const unused = () => {
    throw new Error('not called');
  };
  const source: ImageSource = {
    id,
    accepts: (reference) => reference.startsWith(prefix),
    resolve: unused,
    openLayer: unused,
  };
  return { source, priority: 0, ...more };
}

const local = candidate('local', 'oci:', { priority: 10 });
const registry = candidate('registry', '');

describe('the source of a reference', () => {
  it("is one of BoxLite's own when nobody else takes it", () => {
    expect(chooseImageSource([local, registry], 'oci:/x')).toBe(local);
    expect(chooseImageSource([local, registry, candidate('dir', 'dir:')], 'alpine')).toBe(registry);
  });

  it('is an added one before any of its own, whatever its priority', () => {
    const dir = candidate('dir', 'dir:');
    expect(chooseImageSource([local, registry, dir], 'dir:/x')).toBe(dir);
    const instead = candidate('my-oci', 'oci:', { priority: -5 });
    expect(chooseImageSource([local, registry, instead], 'oci:/x')).toBe(instead);
  });

  it('is the added one of the highest priority', () => {
    const better = candidate('b', 'dir:', { priority: 2 });
    expect(chooseImageSource([better, candidate('a', 'dir:', { priority: 1 }), registry], 'dir:/x')).toBe(better);
  });

  it('is an error when two added ones claim it alike, naming both and their files', () => {
    const rivals = [candidate('a', 'dir:', { origin: '/plugins/a.js' }), candidate('b', 'dir:')];
    expect(() => chooseImageSource([...rivals, registry], 'dir:/x')).toThrow(
      expect.objectContaining({
        code: 'plugin_duplicate',
        message: 'several image sources take "dir:/x": a (/plugins/a.js), b',
        hint: expect.stringMatching(/one of them/),
        details: { field: 'image', kind: 'image-source', ids: ['a', 'b'] },
      }),
    );
  });

  it('is an error when none accepts it', () => {
    expect(() => chooseImageSource([local], 'alpine')).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });

  it('may be one that does not work here, which the error says, with its remedy', () => {
    const broken = { id: 'registry', reason: 'it could not be loaded', remedy: 'install it again' };
    expect(() => chooseImageSource([local], 'alpine', [broken])).toThrow(
      expect.objectContaining({
        code: 'plugin_none_available',
        message: expect.stringContaining('registry: it could not be loaded'),
        hint: 'install it again',
      }),
    );
  });
});
