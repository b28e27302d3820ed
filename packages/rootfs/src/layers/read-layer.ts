import { BoxliteError, toBoxliteError } from '@boxlite/core';

/** Larger chunks are handed on in pieces of this size, so that buffers behind them stay small. */
const PIECE_BYTES = 256 * 1024;

/**
 * Reads a stream to its end (a source may check a digest only there), one piece at a time; an abort ends it at once, also while the
 * source is silent.
 * @param onPiece called in order, awaited before the next
 * @param what names the stream in errors
 * @throws BoxliteError what the source or `onPiece` throws; `aborted`
 */
export async function readLayer(
  layer: AsyncIterable<Uint8Array>,
  onPiece: (piece: Buffer) => Promise<void>,
  what: string,
  signal?: AbortSignal,
): Promise<void> {
  const iterator = layer[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const result = await nextOrAbort(iterator, what, signal);
      if (result.done === true) break;
      const bytes = Buffer.from(result.value.buffer, result.value.byteOffset, result.value.byteLength);
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) await onPiece(bytes.subarray(at, at + PIECE_BYTES));
    }
    ended = true;
  } finally {
    if (!ended) await closeSource(iterator, signal?.aborted === true);
  }
}

/** Tells a source to let go of its file or socket. */
async function closeSource(iterator: AsyncIterator<Uint8Array>, isAborted: boolean): Promise<void> {
  const closed = Promise.resolve(iterator.return?.()).then(
    () => undefined,
    // The error that ends the conversion is on its way already; a failure while closing the source adds nothing to it.
    () => undefined,
  );
  // After an abort the source may be stuck in a read, which must not hold up the error.
  if (!isAborted) await closed;
}

function nextOrAbort(
  iterator: AsyncIterator<Uint8Array>,
  what: string,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<Uint8Array>> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new BoxliteError('aborted', `${what}: aborted`, { cause: signal?.reason }));
    if (signal?.aborted === true) return onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
    iterator.next().then(
      (result) => {
        signal?.removeEventListener('abort', onAbort);
        resolve(result);
      },
      (thrown: unknown) => {
        signal?.removeEventListener('abort', onAbort);
        reject(toBoxliteError(thrown, 'layer_invalid', what));
      },
    );
  });
}
