import type { ImageCache } from './image-cache.js';

/**
 * Removes one name of an image. Its blobs stay until {@link collectBlobs} finds that nothing needs them.
 * @param reference as the record has it
 * @returns false when there was no such record
 * @throws BoxliteError `database_error`
 */
export function removeImage({ store }: Pick<ImageCache, 'store'>, reference: string): Promise<boolean> {
  return store.delete(reference);
}
