import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { BoxliteError } from '@boxlite/core';
import { ZstdScanner } from './zstd-scanner.js';
import { type ZstdReply, zstdWorker } from './zstd-worker.js';

/**
 * A batch is at most 32 blocks of 128 KiB, which take milliseconds. Crafted sequences can keep the decoder busy for ever: after this
 * time its thread is ended.
 */
const BATCH_TIMEOUT_MS = 30_000;

/**
 * Decompresses zstd, also of several frames and with skippable ones, in a thread of its own: the decoder is JavaScript, and the thread of
 * the caller has boxes to serve. Closing the generator early closes the source and ends the thread.
 *
 * @param options.batchTimeoutMs how long 4 MiB of output may take, default 30 s
 * @throws BoxliteError `layer_invalid`
 */
export async function* unzstd(
  source: AsyncIterable<Uint8Array>,
  options: { readonly batchTimeoutMs?: number } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const scanner = new ZstdScanner();
  const thread = new DecoderThread(options.batchTimeoutMs ?? BATCH_TIMEOUT_MS);
  try {
    for await (const chunk of source) {
      let start = 0;
      for (const cut of [...scanner.scan(chunk), chunk.byteLength]) {
        if (cut > start) yield* await thread.decode(chunk.subarray(start, cut));
        start = cut;
      }
    }
    scanner.end();
    yield* await thread.decode(new Uint8Array(0));
  } finally {
    await thread.end();
  }
}

class DecoderThread {
  private readonly worker: Worker;

  constructor(private readonly timeoutMs: number) {
    const library = createRequire(import.meta.url).resolve('fzstd');
    const source = `(${zstdWorker.toString()})(require('node:worker_threads').parentPort, require(${JSON.stringify(library)}))`;
    this.worker = new Worker(source, {
      eval: true,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 128 },
    });
    // A reader that was forgotten keeps no process alive; while a batch is decoded, its timer does.
    this.worker.unref();
  }

  /** One batch at a time: the next is sent when the consumer has taken the output of this one. */
  async decode(batch: Uint8Array): Promise<readonly Uint8Array[]> {
    const reply = await this.exchange(batch);
    if ('error' in reply) throw invalid(reply.error);
    return reply.chunks;
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }

  private exchange(batch: Uint8Array): Promise<ZstdReply> {
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        act();
      };
      const onMessage = (reply: ZstdReply) => settle(() => resolve(reply));
      const onError = (thrown: Error) => settle(() => reject(invalid(thrown.message)));
      const onExit = () => settle(() => reject(invalid('the decoder ended')));
      const timer = setTimeout(() => {
        settle(() => reject(invalid(`${this.timeoutMs} ms were not enough for 4 MiB of output`)));
      }, this.timeoutMs);
      this.worker.once('message', onMessage).once('error', onError).once('exit', onExit);
      this.worker.postMessage(batch);
    });
  }
}

function invalid(why: string): BoxliteError {
  return new BoxliteError('layer_invalid', `the zstd stream of a layer cannot be read: ${why}`, {
    hint: 'the layer is damaged; pull or build the image again',
  });
}
