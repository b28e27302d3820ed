import type { BoxRecord } from '@boxlite/core';
import type { RuntimeServices } from '../runtime/runtime-services.js';
import { imageToCome } from './image-users.js';

/** What the images of boxes that were never started are recorded as, by what their options say; those that are not recorded are left out. */
export async function imagesToCome(
  { findImage }: Pick<RuntimeServices, 'findImage'>,
  boxes: readonly BoxRecord[],
): Promise<ReadonlyMap<string, string>> {
  const written = new Set(boxes.map(imageToCome).filter((image) => image !== undefined));
  const found = new Map<string, string>();
  for (const image of written) {
    const record = await findImage(image);
    if (record !== undefined) found.set(image, record.reference);
  }
  return found;
}
