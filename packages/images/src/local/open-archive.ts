import { stat } from 'node:fs/promises';
import { abortedError, BoxliteError, escapeText, type ImageProgress } from '@boxlite/core';
import { openRegularFile } from '../blobs/open-regular-file.js';
import { readFileChunks } from '../blobs/read-file-chunks.js';

/** Between two progress events, in bytes of the archive. */
const PROGRESS_STEP_BYTES = 8 * 1024 * 1024;

export interface OpenArchiveOptions {
  readonly signal?: AbortSignal | undefined;
  readonly tell: (progress: ImageProgress) => void;
}

/**
 * The bytes of an archive.
 * @throws BoxliteError `image_not_found` when there is no such file, `image_invalid` when it is a directory or a pipe
 */
export async function* openArchive(
  file: string,
  { signal, tell }: OpenArchiveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const what = describeArchive(file);
  // The user's own path may be a link.
  const opened = await openRegularFile(file, what, { followLink: true });
  if (opened === undefined) {
    throw new BoxliteError('image_not_found', `${what} does not exist`, {
      hint: 'name a tar file of docker save, or of skopeo copy <image> oci-archive:FILE',
      details: { field: 'image', path: file },
    });
  }
  yield* reported(readFileChunks(opened.handle, signal), tell, (await stat(file)).size);
}

/**
 * The bytes of an archive that comes as a stream.
 * @throws BoxliteError `aborted`, also while the stream says nothing; it is then destroyed if it can be
 */
export async function* openArchiveStream(
  source: AsyncIterable<Uint8Array>,
  { signal, tell }: OpenArchiveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    yield* reported({ [Symbol.asyncIterator]: () => ({ next: () => nextUnlessAborted(iterator, signal) }) }, tell);
  } finally {
    // One that says nothing would never return.
    if (signal?.aborted !== true) await iterator.return?.();
    else if ('destroy' in source && typeof source.destroy === 'function') source.destroy();
  }
}

function nextUnlessAborted<Item>(
  iterator: AsyncIterator<Item>,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<Item>> {
  if (signal === undefined) return iterator.next();
  return new Promise((resolve, reject) => {
    const onAbort = () => settle(() => reject(abortedError(signal, 'reading an archive')));
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', onAbort);
      act();
    };
    signal.addEventListener('abort', onAbort);
    iterator.next().then(
      (result) => settle(() => resolve(result)),
      (thrown: unknown) => settle(() => reject(thrown)),
    );
    if (signal.aborted) onAbort();
  });
}

async function* reported(
  source: AsyncIterable<Uint8Array>,
  tell: (progress: ImageProgress) => void,
  totalBytes?: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let [bytes, told] = [0, 0];
  const report = () => {
    told = bytes;
    tell({ kind: 'download', bytes, ...(totalBytes === undefined ? {} : { totalBytes }) });
  };
  for await (const chunk of source) {
    bytes += chunk.byteLength;
    if (bytes - told >= PROGRESS_STEP_BYTES) report();
    yield chunk;
  }
  report();
}

/** How errors call an archive. */
export function describeArchive(file: string): string {
  return `archive ${escapeText(file)}`;
}
