import { createHash } from 'node:crypto';
import type { Digest } from '@boxlite/core';

/** The digest of bytes at hand. */
export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
