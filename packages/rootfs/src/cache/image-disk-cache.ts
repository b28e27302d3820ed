import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BoxliteError,
  errnoOf,
  type ImageSource,
  type Lease,
  type LeaseStore,
  type ResolvedImage,
  SharedTasks,
  type TaskContext,
  toBoxliteError,
} from '@boxlite/core';
import { installNew, stage } from '@boxlite/layout';
import { DEFAULT_DISK_BYTES, ext4Converter } from '../build-image-disk.js';
import type { ConversionProgress, ImageConverter, LayerStream } from '../image-converter.js';
import { singleBuild } from '../single-build.js';
import { ALL_LAYOUTS, type DiskLayout, layoutFor } from './disk-layout.js';
import { type ImageContent, imageDiskKey } from './image-disk-key.js';
import { IMAGE_DISK_LEASE_WAIT_MS, imageDiskLeaseEntity } from './image-disk-lease.js';
import { touchImageDisk } from './last-use.js';

/** Where a cache keeps its disks. */
export interface ImageDiskCacheOptions {
  /** `<home>/images/disk-images`; made when missing. */
  readonly diskImagesDir: string;
  /** `<home>/tmp`, on the same file system; must exist. */
  readonly tmpDir: string;
  /**
   * Of the home. They keep garbage collection away from what is in use, and several processes from building the same disk. Without them the
   * cache is for one process that collects nothing.
   */
  readonly leases?: LeaseStore;
  /** Default: ext4. */
  readonly converter?: ImageConverter;
}

/** The disk wanted. */
export interface ImageDiskRequest {
  readonly image: ResolvedImage;
  /** The source that resolved the image. */
  readonly source: Pick<ImageSource, 'openLayer'>;
  /** Bytes the guest is to see; default 10 GiB. Boxes of all sizes share a disk where they can: see {@link ImageDisk.sizeBytes}. */
  readonly sizeBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ConversionProgress) => void) | undefined;
}

/** Where a disk is, or would be. */
export interface ImageDiskPlace {
  readonly path: string;
  /** 64 hexadecimal digits, from the digests of the layers. */
  readonly key: string;
}

/** An immutable disk that boxes are copy-on-write children of. */
export interface ImageDisk extends ImageDiskPlace {
  /** Of its file; at most what was asked for. A child may be larger: the guest grows the file system when it starts. */
  readonly sizeBytes: number;
}

/** A disk that garbage collection leaves alone until it is released. Make the box's overlay of it first, then release. */
export interface HeldImageDisk extends ImageDisk, AsyncDisposable {
  /** Notes the use and gives the lease back. Idempotent. */
  release(): Promise<void>;
}

/** Image disks by content. */
export interface ImageDiskCache {
  /**
   * The disk of an image, built on first use, and leased from before it is looked up. Concurrent callers, of all processes, share one
   * build. Nothing is installed before every layer has been read, and verified by its source, to the end; a failed or aborted build
   * leaves nothing in `tmp/`.
   * @throws BoxliteError `invalid_argument` (field `sizeBytes`) when the image needs a larger disk; as `buildImageDisk`, and what the source
   *   throws (`digest_mismatch`)
   */
  ensure(request: ImageDiskRequest): Promise<HeldImageDisk>;
  /** Where the disk for a box of a size is, or would be. Touches nothing. */
  locate(image: ResolvedImage, sizeBytes?: number): ImageDiskPlace;
  /** Where the disks of an image are, or would be, whatever size a box asks for. Touches nothing. */
  locateAll(image: ImageContent): readonly ImageDiskPlace[];
}

/** A cache of image disks in a directory. Touches nothing before it is used. */
export function createImageDiskCache(options: ImageDiskCacheOptions): ImageDiskCache {
  const { diskImagesDir, tmpDir, leases, converter = ext4Converter } = options;
  const builds = new SharedTasks<number, ConversionProgress>();

  const placeOf = (image: ImageContent, layout: DiskLayout): ImageDiskPlace => {
    const key = imageDiskKey(image, converter, layout.name);
    return { path: join(diskImagesDir, `${key}.${converter.id}`), key };
  };

  const build = async (
    { key, path }: ImageDiskPlace,
    layout: DiskLayout,
    request: ImageDiskRequest,
    { signal, tell }: TaskContext<ConversionProgress>,
  ): Promise<number> => {
    const staging = await stage(tmpDir);
    try {
      const target = staging.path(`${key}.${converter.id}`);
      const { sizeBytes } = await converter.convert({
        layers: layerStreams(request, signal),
        target,
        sizeBytes: 'fit',
        minBytes: layout.minBytes,
        identity: key,
        signal,
        onProgress: tell,
      });
      await makeDirectory(diskImagesDir);
      await installNew(target, path);
      return sizeBytes;
    } finally {
      await staging.remove();
    }
  };

  /** @returns the size of the disk's file */
  const ensureFile = async (place: ImageDiskPlace, layout: DiskLayout, request: ImageDiskRequest): Promise<number> => {
    const find = () => sizeOf(place.path);
    return (
      (await find()) ??
      builds.run(place.key, `building image disk ${place.key}`, request, (context) =>
        singleBuild({
          leases,
          entity: `image-disk-build:${place.key}`,
          signal: context.signal,
          find,
          build: () => build(place, layout, request, context),
        }),
      )
    );
  };

  return {
    locateAll: (image) => ALL_LAYOUTS.map((layout) => placeOf(image, layout)),
    locate: (image, sizeBytes = DEFAULT_DISK_BYTES) => placeOf(image, layoutFor(sizeBytes)),
    async ensure(request) {
      const { image, sizeBytes: wanted = DEFAULT_DISK_BYTES, signal } = request;
      const layout = layoutFor(wanted);
      const place = placeOf(image, layout);
      const lease = await leases?.acquire(imageDiskLeaseEntity(place.key), 'start', {
        shared: true,
        waitMs: IMAGE_DISK_LEASE_WAIT_MS,
        ...(signal === undefined ? {} : { signal }),
      });
      try {
        const sizeBytes = await ensureFile(place, layout, request);
        if (sizeBytes > wanted) throw tooSmall(image, sizeBytes, wanted);
        return hold({ ...place, sizeBytes }, lease);
      } catch (thrown) {
        await lease?.release();
        throw thrown;
      }
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

function hold(disk: ImageDisk, lease: Lease | undefined): HeldImageDisk {
  let released: Promise<void> | undefined;
  const giveBack = async (): Promise<void> => {
    try {
      await touchImageDisk(disk.path);
    } catch {
      // A use that cannot be noted, in a home of another owner say, makes the disk look older; that is no reason to fail a start.
    }
    await lease?.release();
  };
  const release = (): Promise<void> => {
    released ??= giveBack();
    return released;
  };
  return { ...disk, release, [Symbol.asyncDispose]: release };
}

function tooSmall({ reference }: ResolvedImage, needed: number, wanted: number): BoxliteError {
  return new BoxliteError(
    'invalid_argument',
    `a disk of ${wanted} bytes is too small for the image ${reference}, which needs ${needed}`,
    { hint: `ask for at least ${needed} bytes`, details: { field: 'sizeBytes', needed, wanted } },
  );
}

/** @returns undefined when there is no such file */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const status = await lstat(path);
    return status.isFile() ? status.size : undefined;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
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
