import type { Digest } from '../ids/digest.js';

/** An OCI platform, `os` always `linux` here. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** The parts of an image's configuration a container needs (OCI image-spec, config.md). */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** `KEY=value`, in order. */
  readonly env: readonly string[];
  /** Absolute, `/` when the image sets none. */
  readonly workingDir: string;
  /** `user[:group]`, empty for root. */
  readonly user: string;
  readonly exposedPorts: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
}

/** One layer of a resolved image. `diffId` is the digest of the uncompressed tar. */
export interface ImageLayer {
  readonly digest: Digest;
  readonly diffId: Digest;
  readonly mediaType: string;
  /** Compressed bytes. */
  readonly size: number;
}

/** An image whose every blob is present and verified. */
export interface ResolvedImage {
  /** As the user named it, canonical. */
  readonly reference: string;
  readonly manifestDigest: Digest;
  readonly configDigest: Digest;
  readonly platform: Platform;
  readonly config: ImageConfig;
  /** Bottom first. */
  readonly layers: readonly ImageLayer[];
}

/** How far a whole image is: sums over its distinct layers, those that need no fetching included. */
export interface ImageTotals {
  readonly layers: number;
  /** Layers that are here and verified. */
  readonly layersDone: number;
  /** Compressed bytes that are here. */
  readonly bytes: number;
  readonly totalBytes: number;
  /** Of `bytes`, those that did not have to be fetched. */
  readonly cachedBytes: number;
}

/**
 * Progress of a long operation; told at least at its start and end.
 *
 * With a `digest` an event is about that layer, which goes `download` (first with 0 bytes, told of every layer before any is fetched), `verify`,
 * `done`; `bytes` of `download` fall when a broken transfer starts over. Without one it is about the image: `resolve` first, `done` last.
 */
export interface ImageProgress {
  /** `retry`: something failed and is tried again. `warning`: something is wrong that need not matter, such as an unreadable configuration. */
  readonly kind: 'resolve' | 'download' | 'verify' | 'done' | 'retry' | 'warning';
  readonly digest?: Digest;
  readonly bytes?: number;
  readonly totalBytes?: number;
  /** Once the layers are known. */
  readonly image?: ImageTotals;
  /** Of `retry` and `warning`, for a person: one line, safe to print. */
  readonly message?: string;
}

/**
 * Where images come from.
 *
 * `accepts(reference)` is pure and says whether the reference is of this source's kind. `resolve` fetches what is missing, verifies
 * every digest, and resolves only when all blobs are at hand; it may be called concurrently for the same image. `openLayer`
 * yields the **uncompressed** tar and checks the `diffId`: a mismatch is thrown at the end of the stream (`digest_mismatch`), so a consumer
 * installs nothing before the stream has ended.
 *
 * A reference to nothing is `image_not_found`, an image that is for other platforms `platform_mismatch`; a signal that fires makes either throw
 * `aborted`.
 */
export interface ImageSource {
  readonly id: string;
  accepts(reference: string): boolean;
  resolve(
    reference: string,
    options?: {
      readonly platform?: Platform;
      readonly signal?: AbortSignal;
      readonly onProgress?: (progress: ImageProgress) => void;
      /** `missing` (default) uses what is cached under this reference; `always` asks the registry again; `never` stays offline. */
      readonly pull?: 'missing' | 'always' | 'never';
    },
  ): Promise<ResolvedImage>;
  openLayer(image: ResolvedImage, layer: ImageLayer, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}
