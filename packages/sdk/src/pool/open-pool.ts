import { freemem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Box } from '../box/box.js';
import { parseBoxOptions } from '../options/box-options.js';
import type { Log } from '../runtime/log.js';
import { BoxPool } from './box-pool.js';
import type { PoolHost, WarmBox } from './pool-host.js';
import {
  boxesThatFit,
  checkPoolSize,
  type ParsedPoolOptions,
  type PoolOptions,
  parsePoolOptions,
} from './pool-options.js';
import { WarmSet } from './warm-set.js';

const BYTES_PER_MIB = 1024 * 1024;

/** What a pool needs of its runtime. */
export interface PoolRuntime {
  /** Records a box that is removed with its owner as long as it is pooled. */
  createPooled(options: ParsedPoolOptions['box']): Promise<Box>;
  /** Makes a pooled box an ordinary one. @throws BoxliteError `not_found` */
  handOut(box: Box): Promise<void>;
  readonly log: Log;
}

/**
 * Opens a pool, which begins to fill itself.
 * @param forget called when it has been drained
 * @throws BoxliteError `invalid_argument` naming the field
 */
export function openPool(runtime: PoolRuntime, options: PoolOptions, forget: (pool: BoxPool) => void): BoxPool {
  const { pool, box } = parsePoolOptions(options);
  const { memoryMib } = parseBoxOptions(box);
  const freeMib = freemem() / BYTES_PER_MIB;
  const fits = (size: number) => boxesThatFit({ ...pool, size: checkPoolSize(size) }, memoryMib, freeMib);
  const target = fits(pool.size);
  if (target < pool.size) {
    runtime.log({
      level: 'warn',
      message: `the pool keeps ${target} of ${pool.size} boxes of ${memoryMib} MiB warm: more would take too much of the memory; set maxMemoryMib to allow it`,
    });
  }
  const host = poolHost(runtime, box, pool.warmUp ?? ((warm, signal) => warm.warmUp(signal)));
  return new BoxPool(new WarmSet(host, { target, concurrency: pool.concurrency }), fits, forget);
}

function poolHost(
  runtime: PoolRuntime,
  options: ParsedPoolOptions['box'],
  warmUp: (box: Box, signal: AbortSignal) => Promise<void>,
): PoolHost<Box> {
  return {
    async makeWarm(signal): Promise<WarmBox<Box>> {
      const box = await runtime.createPooled(options);
      try {
        await box.start({ signal });
        await warmUp(box, signal);
        signal.throwIfAborted();
      } catch (thrown) {
        await box.remove(true).catch((cause: unknown) => {
          // Recorded as nobody's: it goes with this process.
          runtime.log({ level: 'warn', message: `box ${box.id}, in the making, could not be removed`, cause });
        });
        throw thrown;
      }
      return {
        box,
        onEnd: (listener) => box.onDisconnect(listener),
        handOut: () => runtime.handOut(box),
        discard: () => box.remove(true),
      };
    },
    log: (message, cause) => runtime.log({ level: 'warn', message, cause }),
    wait: (milliseconds, signal) => sleep(milliseconds, undefined, { signal, ref: false }),
  };
}
