import { createHash } from 'node:crypto';
import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  digestHex,
  errnoOf,
  type ImageSource,
  parseDigest,
  type ResolvedImage,
  SharedTasks,
  type TaskContext,
  toBoxliteError,
} from '@boxlite/core';
import { installNew, stage } from '@boxlite/layout';
import { DEFAULT_DISK_BYTES, ext4Converter } from '../build-image-disk.js';
import type { ConversionProgress, ImageConverter, LayerStream } from '../image-converter.js';

/** Where a cache keeps its disks. */
export interface ImageDiskCacheOptions {
  /** `<home>/images/disk-images`; made when missing. */
  readonly diskImagesDir: string;
  /** `<home>/tmp`, on the same file system; must exist. */
  readonly tmpDir: string;
  /** Default: ext4. */
  readonly converter?: ImageConverter;
}

/** The disk wanted. */
export interface ImageDiskRequest {
  readonly image: ResolvedImage;
  /** The source that resolved the image. */
  readonly source: Pick<ImageSource, 'openLayer'>;
  /** Bytes the guest sees; default 10 GiB. Each size is a disk of its own. */
  readonly sizeBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ConversionProgress) => void) | undefined;
}

/** An immutable disk that boxes are copy-on-write children of. */
export interface ImageDisk {
  readonly path: string;
  readonly key: string;
  readonly sizeBytes: number;
}

/** Image disks by content. */
export interface ImageDiskCache {
  /**
   * The disk of an image, built on first use. Concurrent calls in one process share one build; of several processes the first to finish
   * wins. Nothing is installed before every layer has been read, and verified by its source, to the end; a failed or aborted build
   * leaves nothing in `tmp/`.
   * @throws BoxliteError as `buildImageDisk`, and what the source throws (`digest_mismatch`)
   */
  ensure(request: ImageDiskRequest): Promise<ImageDisk>;
  /** Where the disk of an image is, or would be. Touches nothing. */
  locate(image: ResolvedImage, sizeBytes?: number): ImageDisk;
}

/**
 * The name of a disk: the ordered digests of its uncompressed layers, what converts them, and its size.
 * @throws BoxliteError `image_invalid` when a digest is malformed
 */
export function imageDiskKey(image: ResolvedImage, converter: ImageConverter, sizeBytes: number): string {
  const hash = createHash('sha256').update(`${converter.id} ${converter.version} ${sizeBytes}\n`);
  for (const layer of image.layers) hash.update(`${digestHex(parseDigest(layer.diffId, 'diffId'))}\n`);
  return hash.digest('hex');
}

/** A cache of image disks in a directory. Touches nothing before it is used. */
export function createImageDiskCache(options: ImageDiskCacheOptions): ImageDiskCache {
  const { diskImagesDir, tmpDir, converter = ext4Converter } = options;
  const builds = new SharedTasks<void, ConversionProgress>();

  const locate = (image: ResolvedImage, sizeBytes = DEFAULT_DISK_BYTES): ImageDisk => {
    const key = imageDiskKey(image, converter, sizeBytes);
    return { path: join(diskImagesDir, `${key}.${converter.id}`), key, sizeBytes };
  };

  const build = async (
    disk: ImageDisk,
    request: ImageDiskRequest,
    { signal, tell }: TaskContext<ConversionProgress>,
  ): Promise<void> => {
    const staging = await stage(tmpDir);
    try {
      const target = staging.path(`${disk.key}.${converter.id}`);
      await converter.convert({
        layers: layerStreams(request, signal),
        target,
        sizeBytes: disk.sizeBytes,
        identity: disk.key,
        signal,
        onProgress: tell,
      });
      await makeDirectory(diskImagesDir);
      await installNew(target, disk.path);
    } finally {
      await staging.remove();
    }
  };

  return {
    locate,
    async ensure(request) {
      const disk = locate(request.image, request.sizeBytes);
      if (await isFile(disk.path)) return disk;
      await builds.run(disk.key, `building image disk ${disk.key}`, request, (context) =>
        build(disk, request, context),
      );
      return disk;
    },
  };
}

/** The layers of an image, each opened when its turn comes. */
export function layerStreams(
  { image, source }: Pick<ImageDiskRequest, 'image' | 'source'>,
  signal: AbortSignal,
): LayerStream[] {
  return image.layers.map((layer) => () => source.openLayer(image, layer, signal));
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw toBoxliteError(thrown, 'storage_error', `looking for the image disk ${path}`);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw toBoxliteError(thrown, 'storage_error', `making the directory ${path}`);
  }
}
