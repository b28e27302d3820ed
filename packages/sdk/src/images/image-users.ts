import type { BoxRecord, ImageRecord } from '@boxlite/core';
import { STARTER_IMAGE } from '../options/starter-image.js';

/** What a box goes by for a person. */
export function boxLabel({ config }: BoxRecord): string {
  return config.name ?? config.id;
}

/** The image a box will be made from at its first start; undefined when that has been. */
export function imageToCome({ config, state }: BoxRecord): string | undefined {
  if (state.image !== undefined) return undefined;
  return typeof config.options.image === 'string' ? config.options.image : STARTER_IMAGE;
}

/**
 * The boxes that were made from an image, or will be at their first start. One that was made before its tag moved on is not the new image's.
 * @param toCome what each of {@link imageToCome} is recorded as, for those that are
 */
export function imageUsers(
  { reference, manifestDigest }: Pick<ImageRecord, 'reference' | 'manifestDigest'>,
  boxes: readonly BoxRecord[],
  toCome: ReadonlyMap<string, string>,
): readonly BoxRecord[] {
  return boxes.filter((box) => {
    const { image } = box.state;
    if (image !== undefined) return image.reference === reference && image.manifestDigest === manifestDigest;
    const written = imageToCome(box);
    return written !== undefined && (written === reference || toCome.get(written) === reference);
  });
}
