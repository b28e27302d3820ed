import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostPlatform } from '@boxlite/images';

/** A stored layer: compressed bytes, and the digest its tar is said to have. */
export interface StoredLayer {
  readonly bytes: Buffer;
  readonly mediaType: 'tar' | 'tar+gzip' | 'tar+zstd';
  readonly diffId?: string;
}

/** Writes an OCI layout of one image, whose layers may hold anything. @returns the reference of the image */
export async function writeLayout(directory: string, layers: readonly StoredLayer[]): Promise<string> {
  const blobs = join(directory, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (bytes: Buffer) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(blobs, hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (document: object) => Buffer.from(JSON.stringify(document));
  const unknown = `sha256:${'0'.repeat(64)}`;
  const config = await put(
    json({ ...hostPlatform(), rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId ?? unknown) } }),
  );
  const stored = await Promise.all(
    layers.map(async ({ bytes, mediaType }) => ({
      mediaType: `application/vnd.oci.image.layer.v1.${mediaType}`,
      ...(await put(bytes)),
    })),
  );
  const manifest = await put(
    json({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
      layers: stored,
    }),
  );
  await writeFile(join(directory, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
  const entry = { mediaType: 'application/vnd.oci.image.manifest.v1+json', ...manifest, platform: hostPlatform() };
  await writeFile(join(directory, 'index.json'), json({ schemaVersion: 2, manifests: [entry] }));
  return `oci:${directory}`;
}
