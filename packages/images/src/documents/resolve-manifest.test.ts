import { describe, expect, it } from 'vitest';
import { sha256 } from '../blobs/sha256.js';
import type { IndexEntry } from './image-documents.js';
import { MEDIA_TYPE } from './media-types.js';
import { type LoadedDocument, resolveManifest } from './resolve-manifest.js';

const AMD64 = { os: 'linux', architecture: 'amd64' };
const ARM64 = { os: 'linux', architecture: 'arm64' };

/** Documents by digest, as a registry has them, and how often they were asked for. */
class Documents {
  readonly stored = new Map<string, LoadedDocument>();
  loads = 0;

  put(document: { readonly mediaType: string }): IndexEntry {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...document }));
    const { mediaType } = document;
    const digest = sha256(bytes);
    this.stored.set(digest, { digest, bytes, mediaType });
    return { mediaType, digest, size: bytes.length };
  }

  manifest(name: string, kind: 'oci' | 'docker' = 'oci'): IndexEntry {
    const config = { mediaType: MEDIA_TYPE[`${kind}Config`], digest: sha256(name), size: 1 };
    return this.put({ mediaType: MEDIA_TYPE[`${kind}Manifest`], config, layers: [] } as { mediaType: string });
  }

  index(manifests: readonly IndexEntry[], kind: 'oci' | 'docker' = 'oci'): IndexEntry {
    return this.put({ mediaType: MEDIA_TYPE[`${kind}Index`], manifests } as { mediaType: string });
  }

  resolve(root: IndexEntry, platform = AMD64) {
    const load = async ({ digest }: Pick<IndexEntry, 'digest'>) => {
      this.loads += 1;
      return this.stored.get(digest)!;
    };
    return resolveManifest(this.stored.get(root.digest)!, platform, load, 'app');
  }
}

describe('the manifest of a platform', () => {
  it.each(['oci', 'docker'] as const)('is found in manifests and indexes of the kind %s', async (kind) => {
    const documents = new Documents();
    const [mine, other] = [documents.manifest('mine', kind), documents.manifest('other', kind)];
    const root = documents.index(
      [
        { ...other, platform: ARM64 },
        { ...mine, platform: AMD64 },
      ],
      kind,
    );
    expect((await documents.resolve(root)).digest).toBe(mine.digest);
    expect((await documents.resolve(root, ARM64)).digest).toBe(other.digest);
    expect((await documents.resolve(mine)).digest).toBe(mine.digest);
  });

  it('is found in nested indexes, also in the second of two that say no platform', async () => {
    const documents = new Documents();
    const mine = documents.manifest('mine');
    const arm = documents.index([{ ...documents.manifest('arm'), platform: ARM64 }]);
    const amd = documents.index([documents.index([{ ...mine, platform: AMD64 }])]);
    expect((await documents.resolve(documents.index([arm, amd]))).digest).toBe(mine.digest);
  });

  it('that no nested index has is a mismatch', async () => {
    const documents = new Documents();
    const arm = documents.index([{ ...documents.manifest('arm'), platform: ARM64 }]);
    await expect(documents.resolve(documents.index([arm]))).rejects.toMatchObject({
      code: 'platform_mismatch',
      details: { available: ['linux/arm64'] },
    });
  });

  it('is not looked for in indexes that are nested too deep, or too many', async () => {
    const documents = new Documents();
    let deep = documents.manifest('mine');
    for (let depth = 0; depth < 4; depth += 1) deep = documents.index([deep]);
    await expect(documents.resolve(deep)).rejects.toMatchObject({
      code: 'image_invalid',
      message: expect.stringContaining('nested deeper than 4'),
    });
    documents.loads = 0;
    const forty = (make: (number: number) => IndexEntry) =>
      documents.index(Array.from({ length: 40 }, (_, i) => make(i)));
    const wide = forty((i) => forty((j) => documents.index([{ ...documents.manifest(`${i} ${j}`), platform: ARM64 }])));
    await expect(documents.resolve(wide)).rejects.toMatchObject({
      code: 'image_invalid',
      message: expect.stringContaining('more than 64 documents'),
    });
    expect(documents.loads).toBeLessThanOrEqual(64);
  });

  it("in Docker's schema 1 is refused with how to convert it", async () => {
    const documents = new Documents();
    const old = documents.put({
      mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
      schemaVersion: 1,
      name: 'app',
      fsLayers: [],
    } as { mediaType: string });
    await expect(documents.resolve(old)).rejects.toMatchObject({
      code: 'image_invalid',
      hint: expect.stringContaining('skopeo copy --format v2s2'),
      details: { field: 'schemaVersion' },
    });
  });
});
