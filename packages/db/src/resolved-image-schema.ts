import { type Digest, isDigest, type ResolvedImage } from '@boxlite/core';
import * as z from 'zod';

const digest = z.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'is not a digest');
const texts = z.array(z.string());

/** The image of a box, as kept in its state. */
export const resolvedImageSchema: z.ZodType<ResolvedImage> = z.object({
  reference: z.string(),
  manifestDigest: digest,
  configDigest: digest,
  platform: z.object({ os: z.string(), architecture: z.string(), variant: z.string().exactOptional() }),
  config: z.object({
    entrypoint: texts,
    cmd: texts,
    env: texts,
    workingDir: z.string(),
    user: z.string(),
    exposedPorts: texts,
    labels: z.record(z.string(), z.string()),
    stopSignal: z.string().exactOptional(),
  }),
  layers: z.array(z.object({ digest, diffId: digest, mediaType: z.string(), size: z.int().nonnegative() })),
});
