import type { BlobStore } from '@boxlite/images';
import type { PluginContext } from './plugin-context.js';

const made = new WeakMap<PluginContext['store'], BlobStore>();

/**
 * The one blob store of a runtime: what its parts fetch they share, and what one of them holds no other collects.
 * @param make called once, for the first who asks
 */
export function homeBlobStore({ store }: Pick<PluginContext, 'store'>, make: () => BlobStore): BlobStore {
  const known = made.get(store);
  if (known !== undefined) return known;
  const blobs = make();
  made.set(store, blobs);
  return blobs;
}
