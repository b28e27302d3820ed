import type { Digest, ImageProgress, TaskContext } from '@boxlite/core';
import type { ExpectedBlob } from '../blobs/blob-store.js';
import type { BlobSink } from '../blobs/staged-blob.js';
import type { LoadedDocument } from '../documents/resolve-manifest.js';

/** Where the documents and blobs of images are fetched from: a registry, or one with its mirrors. */
export interface ImageRegistry {
  /** For errors. */
  readonly name: string;
  /**
   * A manifest or an index. Its digest is computed here; what the server says about it is ignored.
   * @param reference tag or digest
   * @throws BoxliteError `image_not_found`, `image_unauthorized`, `image_invalid`, `digest_mismatch`, `network_unavailable`,
   * `resource_exhausted`, `aborted`
   */
  fetchManifest(
    repository: string,
    reference: string | Digest,
    context: TaskContext<ImageProgress>,
  ): Promise<LoadedDocument>;
  /**
   * Fills a sink with a blob and verifies it, going on where a broken transfer stopped.
   * @param onBytes called with the number of bytes there, which falls when a transfer starts over
   * @throws BoxliteError as {@link fetchManifest}
   */
  fetchBlob(
    repository: string,
    blob: ExpectedBlob,
    sink: BlobSink,
    context: TaskContext<ImageProgress>,
    onBytes?: (bytes: number) => void,
  ): Promise<void>;
}
