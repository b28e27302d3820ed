import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ImageLayer, ImageProgress, ImageSource, ResolvedImage } from '../contracts/image-source.js';
import { BoxliteError } from '../errors/boxlite-error.js';
import { type Digest, isDigest } from '../ids/digest.js';
import type { ConformanceCase } from './conformance-case.js';
import { defineCases, mergeCases, type RuledCases } from './define-cases.js';
import { rejectsWith } from './rejects-with.js';

/** What one case works with. */
export interface ImageSourceSetup {
  /** A source that has resolved nothing yet. */
  readonly source: ImageSource;
  /** An image for linux on this machine's architecture, with at least two layers. */
  readonly image: string;
  /** Its layers' diff ids, bottom first, known from elsewhere. */
  readonly diffIds: readonly Digest[];
  /** A reference of this source's kind to an image that does not exist. */
  readonly missing: string;
  /** A reference of another source's kind. */
  readonly foreign: string;
  /** An image one of whose layers is not what its digest says. */
  readonly damaged: string;
}

/**
 * What every {@link ImageSource} does.
 * @param setup called once a case; the caller cleans up afterwards
 */
export function imageSourceConformance(setup: () => Promise<ImageSourceSetup>): ConformanceCase[] {
  return defineCases<ImageSourceSetup>(
    { contract: 'ImageSource', around: async (check) => check(await setup()) },
    mergeCases(resolveCases, layerCases),
  );
}

const resolveCases: RuledCases<ImageSourceSetup> = {
  "`accepts(reference)` is pure and says whether the reference is of this source's kind": {
    'accepts references of its kind and no others, without looking': async ({ source, image, missing, foreign }) => {
      assert.equal(source.accepts(image), true);
      assert.equal(source.accepts(missing), true);
      assert.equal(source.accepts(foreign), false);
      for (const odd of ['', ' ', '\0', '../..', ':', '@', 'a'.repeat(100_000)]) {
        assert.equal(typeof source.accepts(odd), 'boolean', JSON.stringify(odd.slice(0, 20)));
      }
    },
  },
  'An image whose every blob is present and verified': {
    'resolve gives an image whose parts are well-formed': async ({ source, image, diffIds }) => {
      const resolved = await source.resolve(image);
      assert.equal(resolved.platform.os, 'linux');
      for (const digest of [resolved.manifestDigest, resolved.configDigest]) assert.ok(isDigest(digest), digest);
      for (const layer of resolved.layers) {
        assert.ok(isDigest(layer.digest), layer.digest);
        assert.ok(Number.isSafeInteger(layer.size) && layer.size >= 0, `a layer of ${layer.size} bytes`);
      }
      assert.deepEqual(
        resolved.layers.map((layer) => layer.diffId),
        diffIds,
      );
      assert.match(resolved.config.workingDir, /^\//, 'the working directory is absolute');
      assert.deepEqual(
        resolved.config.env.filter((entry) => entry.indexOf('=') <= 0),
        [],
        'variables without a name',
      );
    },
  },
  'it may be called concurrently for the same image': {
    'resolve of its own canonical reference gives the same image, and so do calls at the same time': async (setup) => {
      const { source, image } = setup;
      const [first, second] = await Promise.all([source.resolve(image), source.resolve(image)]);
      assert.deepEqual(first, second);
      assert.deepEqual(await source.resolve(first.reference), first);
    },
  },
  '`missing` (default) uses what is cached under this reference; `always` asks the registry again; `never` stays offline':
    {
      'resolve with pull "never" of what is nowhere is image_not_found': async ({ source, missing }) => {
        await rejectsWith(source.resolve(missing, { pull: 'never' }), 'image_not_found', 'image');
      },
      'resolve with pull "always" gives the same while the image is the same': async ({ source, image }) => {
        const resolved = await source.resolve(image);
        assert.deepEqual(await source.resolve(image, { pull: 'always' }), resolved);
      },
      'resolve with pull "never" gives what was resolved before': async ({ source, image }) => {
        const resolved = await source.resolve(image);
        assert.deepEqual(await source.resolve(resolved.reference, { pull: 'never' }), resolved);
      },
    },
  'told at least at its start and end': {
    'resolve tells its progress from start to end': async ({ source, image }) => {
      const told: ImageProgress[] = [];
      await source.resolve(image, { onProgress: (progress) => void told.push(progress) });
      assert.equal(told.at(0)?.kind, 'resolve');
      assert.equal(told.at(-1)?.kind, 'done');
      assert.equal(told.at(-1)?.digest, undefined, 'the last event is about the image, not a layer');
    },
  },
  'A reference to nothing is `image_not_found`, an image that is for other platforms `platform_mismatch`': {
    'resolve of a missing image is image_not_found': async ({ source, missing }) => {
      await rejectsWith(source.resolve(missing), 'image_not_found', 'image');
    },
    'resolve for a platform the image is not for is platform_mismatch': async ({ source, image }) => {
      const platform = { os: 'linux', architecture: 'pdp11' };
      await rejectsWith(source.resolve(image, { platform }), 'platform_mismatch');
    },
  },
  'a signal that fires makes either throw `aborted`': {
    'resolve with a signal that has fired is aborted': async ({ source, image }) => {
      await rejectsWith(source.resolve(image, { signal: AbortSignal.abort() }), 'aborted');
    },
  },
};

const layerCases: RuledCases<ImageSourceSetup> = {
  '`openLayer` yields the **uncompressed** tar and checks the `diffId`: a mismatch is thrown at the end of the stream (`digest_mismatch`), so a consumer installs nothing before the stream has ended':
    {
      'openLayer yields the tar that the diff id names, as often as asked': async ({ source, image }) => {
        const resolved = await source.resolve(image);
        for (const layer of [...resolved.layers, ...resolved.layers]) {
          assert.equal(await readLayer(source, resolved, layer), layer.diffId);
        }
      },
      'openLayer may be left early and opened again': async ({ source, image }) => {
        const resolved = await source.resolve(image);
        const layer = firstLayer(resolved);
        for await (const chunk of source.openLayer(resolved, layer)) {
          assert.ok(chunk.byteLength > 0, 'an empty chunk');
          break;
        }
        assert.equal(await readLayer(source, resolved, layer), layer.diffId);
      },
      'openLayer throws digest_mismatch at the end when the tar is not the diff id': async ({ source, image }) => {
        const resolved = await source.resolve(image);
        const layer = { ...firstLayer(resolved), diffId: `sha256:${'0'.repeat(64)}` as const };
        await rejectsWith(readLayer(source, resolved, layer), 'digest_mismatch');
      },
    },
  'a signal that fires makes either throw `aborted`': {
    'openLayer whose signal fires while it is read is aborted': async ({ source, image }) => {
      const resolved = await source.resolve(image);
      const controller = new AbortController();
      const reading = async () => {
        for await (const _chunk of source.openLayer(resolved, firstLayer(resolved), controller.signal))
          controller.abort();
      };
      await rejectsWith(reading(), 'aborted');
    },
    'openLayer with a signal that has fired is aborted': async ({ source, image }) => {
      const resolved = await source.resolve(image);
      await rejectsWith(readLayer(source, resolved, firstLayer(resolved), AbortSignal.abort()), 'aborted');
    },
  },
  '`resolve` fetches what is missing, verifies every digest, and resolves only when all blobs are at hand': {
    'a damaged layer is found again when the image is resolved again': async ({ source, damaged }) => {
      for (const _attempt of [1, 2]) await assert.rejects(readAll(source, damaged), isDamage);
    },
    'a damaged layer is found before its stream has ended': async ({ source, damaged }) => {
      await assert.rejects(readAll(source, damaged), isDamage);
    },
  },
};

function firstLayer(image: ResolvedImage): ImageLayer {
  const [layer] = image.layers;
  assert.ok(layer !== undefined, 'the image has no layers');
  return layer;
}

async function readLayer(
  source: ImageSource,
  image: ResolvedImage,
  layer: ImageLayer,
  signal?: AbortSignal,
): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of source.openLayer(image, layer, signal)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

async function readAll(source: ImageSource, reference: string): Promise<void> {
  const resolved = await source.resolve(reference);
  for (const layer of resolved.layers) await readLayer(source, resolved, layer);
}

function isDamage(thrown: unknown): boolean {
  return BoxliteError.isInstance(thrown) && ['digest_mismatch', 'layer_invalid'].includes(thrown.code);
}
