import type { MessagePort } from 'node:worker_threads';

/** What the worker answers to each batch. */
export type ZstdReply = { readonly chunks: readonly Uint8Array[] } | { readonly error: string };

/**
 * The body of the decompression thread. Its text is handed to the worker, so it may use nothing but its parameters.
 * @param port where batches come from; an empty batch is the end of the stream
 * @param fzstd the decoder library
 */
export function zstdWorker(port: MessagePort, fzstd: typeof import('fzstd')): void {
  // The decoder calls itself for each frame of what it is given; small pieces keep that shallow.
  const pieceBytes = 16 * 1024;
  let chunks: Uint8Array[] = [];
  const decoder = new fzstd.Decompress((chunk) => {
    if (chunk.byteLength > 0) chunks.push(chunk);
  });
  port.on('message', (batch: Uint8Array) => {
    let reply: ZstdReply;
    try {
      for (let offset = 0; offset < batch.byteLength; offset += pieceBytes) {
        decoder.push(batch.subarray(offset, offset + pieceBytes));
      }
      if (batch.byteLength === 0) decoder.push(batch, true);
      reply = { chunks };
    } catch (thrown) {
      reply = { error: String(thrown) };
    }
    chunks = [];
    port.postMessage(reply);
  });
}
