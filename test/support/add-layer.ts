import { createHash } from 'node:crypto';
import { createReadStream, renameSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/**
 * Puts an uncompressed layer over an image of an OCI layout. Nothing is held in memory, whatever the size, and the archive is moved, not copied.
 * @param layout is changed
 * @param tag of the image, in `index.json`
 * @param tar path of the archive, on the file system of the layout; is gone afterwards
 */
export async function addLayer(layout: string, tag: string, tar: string): Promise<void> {
  const blob = (digest: string) => join(layout, 'blobs', ...digest.split(':'));
  const readJson = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
  const writeBlob = async (content: unknown): Promise<{ digest: string; size: number }> => {
    const bytes = Buffer.from(JSON.stringify(content));
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    await writeFile(blob(digest), bytes);
    return { digest, size: bytes.length };
  };
  const { size } = await stat(tar);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(tar, { highWaterMark: 1024 ** 2 })) hash.update(chunk as Buffer);
  const digest = `sha256:${hash.digest('hex')}`;
  renameSync(tar, blob(digest));

  const index = await readJson(join(layout, 'index.json'));
  const entry = (index.manifests as Descriptor[]).find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag,
  );
  if (entry === undefined) throw new Error(`${layout} has no image ${tag}`);
  const manifest = await readJson(blob(entry.digest));
  const config = await readJson(blob(manifest.config.digest));
  config.rootfs.diff_ids.push(digest);
  config.history = undefined;
  manifest.config = { ...manifest.config, ...(await writeBlob(config)) };
  manifest.layers.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size });
  Object.assign(entry, await writeBlob(manifest));
  await writeFile(join(layout, 'index.json'), JSON.stringify(index));
}
