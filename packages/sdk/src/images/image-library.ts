import { BoxliteError, type ImageProgress, type ImageRecord, type Platform, type ResolvedImage } from '@boxlite/core';
import type { LoadedImage } from '@boxlite/images';
import type { PullOptions, RuntimeServices } from '../runtime/runtime-services.js';
import type { CacheKeeper } from '../storage/cache-keeper.js';
import { type PruneOptions, pruneRules } from '../storage/home-storage.js';
import { planPrune, planRemoval, totalBytes } from '../storage/plan-prune.js';
import { readImageSnapshot } from '../storage/read-snapshot.js';
import { type Removed, removePlanned } from '../storage/remove-planned.js';
import type { ImageDetails, ImageInfo, RemovedImage } from './image-info.js';
import { boxLabel, imageUsers } from './image-users.js';
import { imagesToCome } from './images-to-come.js';
import { lastUse } from './remember-image.js';

/** How images are read from an archive. */
export interface LoadOptions {
  /** Which image of a multi-platform one; default: linux and this machine's architecture. */
  readonly platform?: Platform;
  /** Names images that the archive does not name: a repository, such as `app`. */
  readonly name?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImageProgress) => void;
}

/** How images are written to an archive. */
export interface SaveOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ImageProgress) => void;
}

/** What pruning images has removed, or would. */
export interface ImagePruneReport extends Removed {
  readonly dryRun: boolean;
  readonly freedBytes: number;
}

/**
 * The images of a home. An image is named by its reference in any form (`alpine`, `docker.io/library/alpine:latest`, `oci:DIR`), or by four
 * or more hexadecimal digits its id begins with.
 */
export class ImageLibrary {
  readonly #services: RuntimeServices;
  readonly #keeper: CacheKeeper;

  /** @internal */
  constructor(services: RuntimeServices, keeper: CacheKeeper) {
    this.#services = services;
    this.#keeper = keeper;
  }

  /**
   * Fetches and verifies an image, asking its registry again also when it is cached.
   * @throws BoxliteError as `ImageSource.resolve` of the source that takes the reference
   */
  async pull(reference: string, options: PullOptions = {}): Promise<ResolvedImage> {
    this.#services.lifetime.throwIfAborted();
    const image = await this.#services.resolveImage(reference, { pull: 'always', ...options });
    this.#keeper.tidy();
    return image;
  }

  /** Every image of this home, newest first: pulled, loaded, and those boxes were made from where they lie. */
  async list(): Promise<readonly ImageInfo[]> {
    this.#services.lifetime.throwIfAborted();
    const [{ listImages }, cache, boxes] = await Promise.all([
      import('@boxlite/images'),
      this.#services.imageCache(),
      this.#services.store.boxes.list(),
    ]);
    const toCome = await imagesToCome(this.#services, boxes);
    const stored = await listImages(cache);
    return stored.map(({ record, uniqueBytes, sharedBytes, missing }) => ({
      ...record,
      lastUsedAt: lastUse(record),
      uniqueBytes,
      sharedBytes,
      missing,
      boxes: imageUsers(record, boxes, toCome).map(boxLabel),
    }));
  }

  /** One image of {@link list}. Null when this home does not have it. @throws BoxliteError `invalid_argument` for an ambiguous id */
  async get(reference: string): Promise<ImageInfo | null> {
    this.#services.lifetime.throwIfAborted();
    const record = await this.#services.findImage(reference);
    if (record === undefined) return null;
    return (await this.list()).find((image) => image.reference === record.reference) ?? null;
  }

  /**
   * Everything about an image; its documents are hashed again.
   * @throws BoxliteError `image_not_found`; `image_invalid` and the like for one that is damaged
   */
  async inspect(reference: string): Promise<ImageDetails> {
    const record = await this.#find(reference);
    const info = await this.get(record.reference);
    const common = {
      reference: record.reference,
      manifestDigest: record.manifestDigest,
      configDigest: record.configDigest,
      cachedAt: record.cachedAt,
      lastUsedAt: lastUse(record),
      boxes: info?.boxes ?? [],
      sizeBytes: record.sizeBytes,
    };
    if (info !== null && info.missing.length === 0) {
      const { inspectImage } = await import('@boxlite/images');
      const details = await inspectImage(await this.#services.imageCache(), record);
      const { platform, config, layers } = details.image;
      const { references, created, author, history } = details;
      const dates = { ...(created === undefined ? {} : { created }), ...(author === undefined ? {} : { author }) };
      return { ...common, references, ...dates, history, platform, config, layers };
    }
    const image = await this.#services.storedImage(record);
    if (image === undefined) throw incomplete(record);
    const { platform, config, layers } = image;
    return { ...common, references: [record.reference], history: [], platform, config, layers };
  }

  /**
   * Forgets an image under one of its names. Its blobs and disks go with it unless another image or a box needs them; a box that was made from it
   * keeps its files and still starts.
   * @param options.force also when boxes were made from it; and all names of an image that is named by its id and has several
   * @throws BoxliteError `image_not_found`; `invalid_state` naming the boxes, or the names
   */
  async remove(reference: string, options: { readonly force?: boolean } = {}): Promise<RemovedImage> {
    const record = await this.#find(reference);
    const [snapshot, records] = await Promise.all([
      readImageSnapshot(this.#services),
      this.#services.store.images.list(),
    ]);
    const names = namesMeant(reference, record, records);
    const images = snapshot.images.filter((image) => names.includes(image.reference));
    const boxes = images.flatMap((image) => image.boxes);
    if (options.force !== true) {
      if (names.length > 1) throw severalNames(reference, names);
      if (boxes.length > 0) throw inUse(record.reference, boxes);
    }
    const keys = images.flatMap(({ diskKeys }) => diskKeys);
    const removed = await removePlanned(
      this.#services,
      planRemoval(snapshot, images, ({ key }) => keys.includes(key)),
    );
    return {
      references: names,
      manifestDigest: record.manifestDigest,
      blobs: removed.blobs.count,
      imageDisks: removed.imageDisks.count,
      freedBytes: removed.blobs.bytes + removed.imageDisks.bytes,
    };
  }

  /**
   * Removes what tags have moved away from, with `all` also images no box was made from. Nothing that a box stands on, or that anybody is
   * pulling, building or starting from.
   * @throws BoxliteError `invalid_argument`, `storage_error`, `aborted`
   */
  async prune(options: PruneOptions = {}): Promise<ImagePruneReport> {
    const { dryRun = false, signal } = options;
    this.#services.lifetime.throwIfAborted();
    signal?.throwIfAborted();
    const rules = pruneRules(options);
    const plan = planPrune(await readImageSnapshot(this.#services), rules);
    const removed: Removed = dryRun
      ? {
          images: plan.images.map(({ reference }) => reference),
          blobs: { count: plan.blobs.length, bytes: totalBytes(plan.blobs) },
          imageDisks: { count: plan.imageDisks.length, bytes: totalBytes(plan.imageDisks) },
        }
      : await removePlanned(this.#services, plan, { olderThan: rules.until, signal });
    return { dryRun, ...removed, freedBytes: removed.blobs.bytes + removed.imageDisks.bytes };
  }

  /**
   * Reads the images of an archive of `docker save` or `boxlite save`, or of an OCI archive, compressed or not. All of them or none.
   * @param source a path, or the bytes themselves
   * @throws BoxliteError `image_not_found`, `image_invalid`, `digest_mismatch`, `platform_mismatch`, `resource_exhausted`, `disk_full`, `aborted`
   */
  async load(source: string | AsyncIterable<Uint8Array>, options: LoadOptions = {}): Promise<readonly LoadedImage[]> {
    this.#services.lifetime.throwIfAborted();
    const { loadImages } = await import('@boxlite/images');
    const loaded = await loadImages(await this.#services.imageCache(), source, options);
    this.#keeper.tidy();
    return loaded;
  }

  /**
   * Writes images to an archive that `boxlite load`, `docker load` and tools for OCI layouts read.
   * @param to a path, replaced when the archive is whole; or a stream, which is left open
   * @returns the size of the archive
   * @throws BoxliteError `image_not_found`, `not_found` when a blob is gone, `digest_mismatch`, `storage_error`, `disk_full`, `aborted`
   */
  async save(
    references: string | readonly string[],
    to: string | NodeJS.WritableStream,
    options: SaveOptions = {},
  ): Promise<{ readonly bytes: number }> {
    const wanted = typeof references === 'string' ? [references] : references;
    if (wanted.length === 0) {
      throw new BoxliteError('invalid_argument', 'no image to save is named', {
        hint: 'name at least one',
        details: { field: 'references' },
      });
    }
    const records: ImageRecord[] = [];
    for (const reference of wanted) records.push(await this.#find(reference));
    const { saveImages } = await import('@boxlite/images');
    return saveImages(await this.#services.imageCache(), records, to, options);
  }

  async #find(reference: string): Promise<ImageRecord> {
    this.#services.lifetime.throwIfAborted();
    const record = await this.#services.findImage(reference);
    if (record === undefined) throw notFound(reference);
    return record;
  }
}

function notFound(reference: string): BoxliteError {
  return new BoxliteError('image_not_found', `there is no image ${JSON.stringify(reference)} in this home`, {
    hint: 'see `boxlite images` for those there are, or pull it',
    details: { field: 'image', reference },
  });
}

/** The names to remove: the one that was written, or all of the image whose id was. */
function namesMeant(written: string, found: ImageRecord, records: readonly ImageRecord[]): readonly string[] {
  const id = /^(?:sha256:)?([0-9a-f]{4,64})$/.exec(written)?.[1];
  const isName = id === undefined || found.reference.includes(`/${id}:`);
  if (isName) return [found.reference];
  return records.filter(({ configDigest }) => configDigest === found.configDigest).map(({ reference }) => reference);
}

function severalNames(id: string, references: readonly string[]): BoxliteError {
  return new BoxliteError('invalid_state', `image ${id} has several names: ${references.join(', ')}`, {
    hint: 'remove it by one of its names, or force it to remove them all',
    details: { field: 'image', references },
  });
}

function incomplete({ reference }: ImageRecord): BoxliteError {
  return new BoxliteError('image_not_found', `image ${reference} is recorded, but is not all here any more`, {
    hint: 'pull it again, or remove it',
    details: { field: 'image', reference },
  });
}

function inUse(reference: string, boxes: readonly string[]): BoxliteError {
  const names = boxes.slice(0, 5).join(', ') + (boxes.length > 5 ? ` and ${boxes.length - 5} more` : '');
  const what = boxes.length === 1 ? `box ${names} was` : `boxes ${names} were`;
  return new BoxliteError('invalid_state', `image ${reference} is in use: ${what} made from it`, {
    hint: `remove ${boxes.length === 1 ? 'the box' : 'the boxes'} first, or force it: a box keeps its own files`,
    details: { field: 'image', reference, boxes },
  });
}
