import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { errnoOf, type ResolvedImage } from '@boxlite/core';
import * as z from 'zod';
import { TEMPLATE_FORMAT } from './template-key.js';

/** The disk a new box is given: over which disk of its image, and how large. */
export interface NewDisk {
  /** The disk of the image, a raw file. */
  readonly base: string;
  /** Bytes the guest sees. */
  readonly virtualSize: number;
}

/** The image a template is made for. */
export interface TemplateImage {
  readonly image: ResolvedImage;
  readonly virtualSize: number;
}

export const imagePartsSchema = z.object({
  /** Key of the template of its shape. */
  shape: z.string(),
  /** For people: several references may have the same disk. */
  reference: z.string(),
  /** The image's disk, by its path, because an overlay names it, and by what no other file can be. */
  base: z.string(),
  identity: z.string(),
  /** Bytes of the box's disk. */
  virtualSize: z.int().positive(),
  store: z.string(),
  format: z.enum(['raw', 'qcow2']),
});

/** What a template of an image has in common with the boxes that go on from it, beside their shape. */
export type ImageParts = z.output<typeof imagePartsSchema>;

/**
 * The identity of an image's disk: the guest's memory holds pages of this very file. Its content never changes, and its times do (they note its use), so
 * that it is told by inode and birth.
 * @returns undefined when it is not there
 */
export function imageDiskIdentity(base: string): string | undefined {
  try {
    const { ino, size, birthtimeNs } = statSync(base, { bigint: true });
    return `${ino} ${size} ${birthtimeNs}`;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return undefined;
    throw thrown;
  }
}

/** 32 hexadecimal digits, as those of a shape. */
export function imageTemplateKey({ shape, base, identity, virtualSize, store, format }: ImageParts): string {
  const text = JSON.stringify([TEMPLATE_FORMAT, 'image', shape, base, identity, virtualSize, store, format]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
