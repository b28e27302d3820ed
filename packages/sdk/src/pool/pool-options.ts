import { freemem } from 'node:os';
import { BoxliteError } from '@boxlite/core';
import * as z from 'zod';
import type { Box } from '../box/box.js';
import type { BoxOptions } from '../options/box-options.js';
import { parseOptions } from '../options/parse-options.js';
import { wholeNumber } from '../options/whole-number.js';

const BYTES_PER_MIB = 1024 * 1024;
/** The share of the memory that is free when a pool is opened which its warm boxes may take unless it is told otherwise. */
const DEFAULT_MEMORY_SHARE = 0.5;
/** Starts at a time: enough to hide a start behind another, few enough to leave the processors to boxes in use. */
const DEFAULT_CONCURRENCY = 2;
const MAX_SIZE = 1024;

const schema = z.strictObject({
  size: wholeNumber(1, MAX_SIZE, ' boxes'),
  maxMemoryMib: wholeNumber(1, 16_777_216, ' MiB').optional(),
  concurrency: wholeNumber(1, 64, ' starts at a time').default(DEFAULT_CONCURRENCY),
  warmUp: z
    .custom<(box: Box) => Promise<void>>((value) => typeof value === 'function', 'must be a function')
    .optional(),
});

/**
 * A pool of boxes that are all alike: every option of a box but `name` and `detach`, and
 * - `size`: warm boxes kept ready, 1 to 1024
 * - `maxMemoryMib`: what the memory of warm and starting boxes (`memoryMib` of each) may add up to; default: half of what is free when the pool is
 *   opened. A pool that is not allowed its size keeps as many as it may, at least one.
 * - `concurrency`: starts at a time, default 2
 * - `warmUp`: awaited for each box before it counts as warm; default: the image's `true` is run, if it has one, so that the first real command
 *   finds its way warm. A box whose warm-up throws is removed and another one made.
 */
export interface PoolOptions extends Omit<BoxOptions, 'name' | 'detach'> {
  readonly size: number;
  readonly maxMemoryMib?: number;
  readonly concurrency?: number;
  readonly warmUp?: (box: Box) => Promise<void>;
}

/** {@link PoolOptions} taken apart: what is the pool's, and what its boxes are made of. */
export interface ParsedPoolOptions {
  readonly pool: z.output<typeof schema>;
  readonly box: BoxOptions;
}

/** @throws BoxliteError `invalid_argument` naming the field; the options of the boxes are looked at when the first one is made */
export function parsePoolOptions(options: PoolOptions): ParsedPoolOptions {
  if (typeof options !== 'object' || options === null) {
    throw new BoxliteError('invalid_argument', 'pool options: value: must be an object', { details: { field: '' } });
  }
  const { size, maxMemoryMib, concurrency, warmUp, ...box } = options;
  for (const field of ['name', 'detach'] as const) {
    if (field in box && (box as BoxOptions)[field] !== undefined) throw notOfAPool(field);
  }
  const own = { size, maxMemoryMib, concurrency, warmUp };
  const given = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  return { pool: parseOptions(schema, given, 'pool options'), box };
}

function notOfAPool(field: 'name' | 'detach'): BoxliteError {
  return new BoxliteError('invalid_argument', `pool options: ${field}: the boxes of a pool are alike and end with it`, {
    hint: `leave out ${field}`,
    details: { field },
  });
}

/** @throws BoxliteError `invalid_argument` with field `size` */
export function checkPoolSize(size: number): number {
  return parseOptions(z.strictObject({ size: wholeNumber(0, MAX_SIZE, ' boxes') }), { size }, 'pool options').size;
}

/**
 * How many warm boxes a pool may have.
 * @param boxMemoryMib guest memory of each box, in MiB
 * @param freeMib free memory of the host, in MiB, when the pool is opened
 */
export function boxesThatFit(
  { size, maxMemoryMib }: Pick<ParsedPoolOptions['pool'], 'size' | 'maxMemoryMib'>,
  boxMemoryMib: number,
  freeMib: number = freemem() / BYTES_PER_MIB,
): number {
  const allowed = maxMemoryMib ?? freeMib * DEFAULT_MEMORY_SHARE;
  return Math.min(size, Math.max(1, Math.floor(allowed / boxMemoryMib)));
}
