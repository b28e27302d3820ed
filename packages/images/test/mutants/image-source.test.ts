import { gzipSync } from 'node:zlib';
import { BoxliteError, type ImageLayer, type ImageSource, type ResolvedImage } from '@boxlite/core';
import { imageSourceConformance } from '@boxlite/core/testing';
import { type Mutant, mutantTests } from '../../../core/test/mutants/mutant-tests.js';
import { createLocalImageSource } from '../../src/index.js';
import { layoutSetup } from '../conformance-setups.js';

type Mutation = (right: ImageSource) => Partial<ImageSource>;
type Resolve = ImageSource['resolve'];

const resolving =
  (change: (resolve: Resolve, ...given: Parameters<Resolve>) => Promise<ResolvedImage>): Mutation =>
  (right) => ({ resolve: (...given) => change((...inner) => right.resolve(...inner), ...given) });

const answering = (change: (image: ResolvedImage) => ResolvedImage): Mutation =>
  resolving(async (resolve, ...given) => change(await resolve(...given)));

const opening =
  (
    change: (right: ImageSource, ...given: Parameters<ImageSource['openLayer']>) => AsyncIterable<Uint8Array>,
  ): Mutation =>
  (right) => ({ openLayer: (...given) => change(right, ...given) });

/** As a source that believes the manifest: the layer is opened under the diff id it really has. */
async function* unchecked(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  try {
    yield* chunks;
  } catch (thrown) {
    if (!BoxliteError.isInstance(thrown, 'digest_mismatch')) throw thrown;
  }
}

async function* compressed(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) yield gzipSync(chunk);
}

const mutants: Mutant<Mutation>[] = [
  {
    mistake: 'accepts every reference',
    killedBy: 'accepts references of its kind',
    mutation: () => ({ accepts: () => true }),
  },
  {
    mistake: 'throws at a reference it cannot parse',
    killedBy: 'accepts references of its kind',
    mutation: (right) => ({
      accepts: (reference) => {
        if (!/^[\w:/.-]+$/.test(reference)) throw new Error('cannot parse');
        return right.accepts(reference);
      },
    }),
  },
  {
    mistake: 'gives layers from the top down',
    killedBy: 'resolve gives an image whose parts',
    mutation: answering((image) => ({ ...image, layers: image.layers.toReversed() })),
  },
  {
    mistake: 'takes digests of compressed layers for diff ids',
    killedBy: 'resolve gives an image whose parts',
    mutation: answering((image) => ({
      ...image,
      layers: image.layers.map((layer) => ({ ...layer, diffId: layer.digest })),
    })),
  },
  {
    mistake: 'leaves the working directory empty',
    killedBy: 'resolve gives an image whose parts',
    mutation: answering((image) => ({ ...image, config: { ...image.config, workingDir: '' } })),
  },
  {
    mistake: 'has a canonical reference it does not know itself',
    killedBy: 'resolve of its own canonical reference',
    mutation: answering((image) => ({ ...image, reference: `oci:${image.manifestDigest}` })),
  },
  {
    mistake: 'refuses a second caller of the same image',
    killedBy: 'resolve of its own canonical reference',
    mutation: (right) => {
      let busy = false;
      return {
        resolve: async (...given) => {
          if (busy) throw new BoxliteError('invalid_state', 'already pulling');
          busy = true;
          try {
            return await right.resolve(...given);
          } finally {
            busy = false;
          }
        },
      };
    },
  },
  {
    mistake: 'gives another image each time',
    killedBy: 'resolve with pull "always"',
    mutation: (right) => {
      let count = 0;
      return {
        resolve: async (...given) => {
          count += 1;
          return { ...(await right.resolve(...given)), reference: `${given[0]}@${count}` };
        },
      };
    },
  },
  {
    mistake: 'has nothing offline',
    killedBy: 'resolve with pull "never" gives',
    mutation: resolving(async (resolve, reference, options) => {
      if (options?.pull === 'never')
        throw new BoxliteError('image_not_found', 'offline', { details: { field: 'image' } });
      return resolve(reference, options);
    }),
  },
  {
    mistake: 'says of a layer last that it is done, and nothing of the image',
    killedBy: 'resolve tells its progress',
    mutation: resolving(async (resolve, reference, { onProgress, ...options } = {}) => {
      const image = await resolve(reference, {
        ...options,
        onProgress: (progress) => (progress.kind === 'done' ? undefined : onProgress?.(progress)),
      });
      onProgress?.({ kind: 'done', digest: image.layers[0]!.digest });
      return image;
    }),
  },
  {
    mistake: 'says nothing of its progress',
    killedBy: 'resolve tells its progress',
    mutation: resolving((resolve, reference, { onProgress: _tell, ...options } = {}) => resolve(reference, options)),
  },
  {
    mistake: 'never says that it is done',
    killedBy: 'resolve tells its progress',
    mutation: resolving((resolve, reference, options = {}) =>
      resolve(reference, {
        ...options,
        onProgress: (progress) => (progress.kind === 'done' ? undefined : options.onProgress?.(progress)),
      }),
    ),
  },
  {
    mistake: 'lets the error of the file system through',
    killedBy: 'resolve of a missing image',
    mutation: resolving((resolve, ...given) =>
      resolve(...given).catch((thrown: unknown) => {
        if (BoxliteError.isInstance(thrown, 'image_not_found')) throw new Error('ENOENT: no such file');
        throw thrown;
      }),
    ),
  },
  {
    mistake: 'gives whatever platform there is',
    killedBy: 'resolve for a platform',
    mutation: resolving((resolve, reference, { platform: _platform, ...options } = {}) => resolve(reference, options)),
  },
  {
    mistake: 'ignores the signal of a resolve',
    killedBy: 'resolve with a signal that has fired',
    mutation: resolving((resolve, reference, { signal: _signal, ...options } = {}) => resolve(reference, options)),
  },
  {
    mistake: 'yields layers as they are stored',
    killedBy: 'openLayer yields the tar',
    mutation: opening((right, ...given) => compressed(right.openLayer(...given))),
  },
  {
    mistake: 'can open a layer once',
    killedBy: 'openLayer yields the tar',
    mutation: (right) => {
      const opened = new Set<string>();
      return {
        openLayer: (image: ResolvedImage, layer: ImageLayer, signal?: AbortSignal) => {
          if (opened.has(layer.digest)) throw new BoxliteError('invalid_state', 'the stream is used up');
          opened.add(layer.digest);
          return right.openLayer(image, layer, signal);
        },
      };
    },
  },
  {
    mistake: 'goes on where an earlier reader left',
    killedBy: 'openLayer may be left early',
    mutation: (right) => {
      const left = new Map<string, AsyncIterator<Uint8Array>>();
      return {
        openLayer: (image, layer, signal) => {
          const chunks = left.get(layer.digest) ?? right.openLayer(image, layer, signal)[Symbol.asyncIterator]();
          left.set(layer.digest, chunks);
          return { [Symbol.asyncIterator]: () => ({ next: () => chunks.next() }) };
        },
      };
    },
  },
  {
    mistake: 'does not check the diff id',
    killedBy: 'openLayer throws digest_mismatch',
    mutation: opening((right, ...given) => unchecked(right.openLayer(...given))),
  },
  {
    mistake: 'does not check what it has stored',
    killedBy: 'a damaged layer is found before',
    mutation: opening(async function* (right, ...given) {
      try {
        yield* right.openLayer(...given);
      } catch {
        // The mistake: what is damaged ends like what is not.
      }
    }),
  },
  {
    mistake: 'checks a layer only the first time',
    killedBy: 'a damaged layer is found again',
    mutation: (right) => {
      const seen = new Set<string>();
      return {
        openLayer: async function* (image: ResolvedImage, layer: ImageLayer) {
          const isKnown = seen.has(layer.digest);
          seen.add(layer.digest);
          try {
            yield* right.openLayer(image, layer);
          } catch (thrown) {
            if (!isKnown) throw thrown;
          }
        },
      };
    },
  },
  {
    mistake: 'looks at the signal of a layer only at first',
    killedBy: 'openLayer whose signal fires while',
    mutation: opening((right, image, layer, signal) =>
      right.openLayer(image, layer, signal?.aborted === true ? signal : undefined),
    ),
  },
  {
    mistake: 'ignores the signal of a layer',
    killedBy: 'openLayer with a signal that has fired',
    mutation: opening((right, image, layer) => right.openLayer(image, layer)),
  },
];

const suite = (mutation?: Mutation) =>
  imageSourceConformance(async () => {
    const right = createLocalImageSource();
    const source: ImageSource = {
      id: right.id,
      accepts: (reference) => right.accepts(reference),
      resolve: (...given) => right.resolve(...given),
      openLayer: (...given) => right.openLayer(...given),
    };
    return { ...(await layoutSetup()), source: { ...source, ...mutation?.(right) } };
  });

mutantTests<Mutation>('ImageSource', suite, mutants);
