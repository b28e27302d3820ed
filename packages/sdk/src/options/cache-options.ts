import * as z from 'zod';
import { parseOptions } from './parse-options.js';

/** How much of the image cache is kept by itself; see {@link CacheOptions}. */
export const cacheOptionsSchema = z.strictObject({
  maxBytes: z.number().int('must be a whole number of bytes').nonnegative('must not be negative').optional(),
  maxAgeDays: z.number().positive('must be more than 0 days').optional(),
  maxTemplates: z.number().int('must be a whole number').nonnegative('must not be negative').optional(),
});

/**
 * Bounds of what a home keeps of images: their layers and the disks made from them. Without any, nothing is ever evicted.
 * - `maxBytes`: bytes on disk; above it what was used least recently goes first
 * - `maxAgeDays`: days without use, also a fraction
 * - `maxTemplates`: templates for instant starts, 30 to 60 MB each; of more, those used least recently go when one is made. Default 16
 *
 * They are looked at after a pull and when a home is opened, in the background. What a box needs, or somebody is working with, always stays.
 */
export type CacheOptions = z.input<typeof cacheOptionsSchema>;

/** @throws BoxliteError `invalid_argument` naming the field, such as `cache.maxBytes` */
export function parseCacheOptions(options: unknown): CacheOptions {
  return parseOptions(z.strictObject({ cache: cacheOptionsSchema }), { cache: options }, 'runtime options').cache;
}
