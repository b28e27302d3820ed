import { BoxliteError, type ImageProgress, type ImageSource, type ResolvedImage, toBoxliteError } from '@boxlite/core';
import type { ImageSources } from '../images/image-sources.js';
import { rememberImage } from '../images/remember-image.js';
import { blobStoreOf } from '../registry/default-registry.js';
import type { PluginContext } from '../registry/plugin-context.js';
import { lazy } from './lazy.js';
import type { Log } from './log.js';
import type { RuntimeServices } from './runtime-services.js';

/** Of the events that have a message. */
const LEVELS: Readonly<Partial<Record<ImageProgress['kind'], 'warn'>>> = { warning: 'warn' };

/** The images of a home, over whichever source each comes from. */
export function imageService(
  context: PluginContext,
  sources: ImageSources,
  log: Log,
): Pick<RuntimeServices, 'resolveImage' | 'imageSourceOrigin' | 'imageCache' | 'findImage' | 'storedImage'> {
  const { store, registries } = context;
  const imageCache = lazy(async () => {
    const { BlobStore } = await import('@boxlite/images');
    return { blobs: blobStoreOf(BlobStore, context), store: store.images };
  });
  return {
    imageCache,
    imageSourceOrigin: (reference) => sources.originOf(reference),
    async resolveImage(reference, options = {}) {
      const { signal, onProgress, ...rest } = options;
      const source = await sources.of(reference);
      const resolving = source.resolve(reference, {
        ...rest,
        ...(signal === undefined ? {} : { signal }),
        onProgress(event) {
          if (event.message !== undefined) log({ level: LEVELS[event.kind] ?? 'info', message: event.message });
          onProgress?.(event);
        },
      });
      const image = await resolving.catch((thrown: unknown) => {
        throw toBoxliteError(thrown, 'internal', `image ${reference} could not be resolved`);
      });
      try {
        await rememberImage(store.images, image, Date.now(), { recordedBySource: keepsRecords(source, image) });
      } catch (cause) {
        // The image is here, which is what was asked for; it will only look less recently used than it is.
        log({ level: 'warn', message: `image ${image.reference} could not be recorded`, cause });
      }
      return image;
    },
    async findImage(text) {
      const { findImage } = await import('@boxlite/images');
      const searchHosts = registries.filter(({ search }) => search === true).map(({ host }) => host);
      return findImage(await imageCache(), text, { searchHosts });
    },
    async storedImage({ reference }) {
      try {
        return await (await sources.of(reference)).resolve(reference, { pull: 'never' });
      } catch (thrown) {
        if (!BoxliteError.isInstance(thrown) || thrown.code === 'aborted') throw thrown;
        log({ level: 'debug', message: `image ${reference} is recorded and cannot be read`, cause: thrown });
        return undefined;
      }
    },
  };
}

/** Sources that keep blobs record what they have; not so those of other people, and layouts that are read in place. */
function keepsRecords({ id }: ImageSource, { reference }: ResolvedImage): boolean {
  return id === 'registry' || (id === 'local' && !reference.startsWith('oci:'));
}
