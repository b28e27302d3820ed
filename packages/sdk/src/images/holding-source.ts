import type { ImageSource, ResolvedImage } from '@boxlite/core';
import type { ImageCache } from '@boxlite/images';

/**
 * A source whose blobs nobody collects from the first layer that is opened until it is disposed of. A disk that exists already opens none, and
 * so costs nothing.
 */
export function holdingSource(
  source: Pick<ImageSource, 'openLayer'>,
  image: ResolvedImage,
  imageCache: () => Promise<ImageCache>,
): Pick<ImageSource, 'openLayer'> & AsyncDisposable {
  let held: Promise<AsyncDisposable> | undefined;
  const hold = async (signal: AbortSignal | undefined): Promise<AsyncDisposable> => {
    const [{ holdImage }, { blobs }] = await Promise.all([import('@boxlite/images'), imageCache()]);
    return holdImage(blobs, image, 'building the disk of an image', signal);
  };
  return {
    async *openLayer(of, layer, signal) {
      held ??= hold(signal);
      await held;
      yield* source.openLayer(of, layer, signal);
    },
    async [Symbol.asyncDispose]() {
      // One that could not be taken has failed the layer that asked for it.
      const [outcome] = await Promise.allSettled([held]);
      if (outcome?.status === 'fulfilled') await outcome.value?.[Symbol.asyncDispose]();
    },
  };
}
