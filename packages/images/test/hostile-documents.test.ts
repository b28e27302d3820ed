import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BoxliteError } from '@boxlite/core';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../src/blobs/sha256.js';
import { createLocalImageSource } from '../src/index.js';
import { randomFrom } from './random-from.js';
import { sampleImage } from './sample-image.js';
import { temporaryDirectory } from './temporary-directory.js';

const ROUNDS = Number(process.env.BOXLITE_FUZZ_ROUNDS ?? 500);
const SEED = Number(process.env.BOXLITE_FUZZ_SEED ?? 20_240_607);

const NASTY: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1e308,
  2 ** 53,
  0.5,
  '',
  '../..',
  'sha256:',
  `sha256:${'0'.repeat(64)}`,
  '\u0000',
  '\u001b[2J',
  'x'.repeat(10_000),
  [],
  {},
  [[]],

  Array(2000).fill({}),
  'linux',
  'application/vnd.oci.image.index.v1+json',
];

/** Changes one place of a JSON value: replaced, removed, doubled or swapped for something nasty. */
function mutate(value: unknown, random: (below: number) => number, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || (depth > 0 && random(4) === 0)) return NASTY[random(NASTY.length)];
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...value };
  const keys = Object.keys(copy);
  const key = keys[random(keys.length)];
  if (key === undefined) return NASTY[random(NASTY.length)];
  const target = copy as Record<string, unknown>;
  const kind = random(8);
  if (kind === 0) delete target[key];
  else if (kind === 1) target[String(NASTY[random(NASTY.length)]).slice(0, 40)] = target[key];
  else if (kind === 2 && Array.isArray(copy)) copy.push(...copy);
  else target[key] = mutate(target[key], random, depth + 1);
  return copy;
}

describe('hostile documents', () => {
  it(
    `give a typed error or an image, never anything else (seed ${SEED}, ${ROUNDS} rounds)`,
    async () => {
      const random = randomFrom(SEED);
      const sample = await sampleImage({ layers: 2, layerBytes: 100 });
      const blob = (digest: string) => join(sample.directory, 'blobs/sha256', digest.slice(7));
      const read = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
      const index = await read(join(sample.directory, 'index.json'));
      const manifest = await read(blob(sample.manifestDigest));
      const config = await read(blob(manifest.config.digest));
      const directory = join(await temporaryDirectory(), 'fuzzed');
      await mkdir(join(directory, 'blobs/sha256'), { recursive: true });
      await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
      for (const { digest } of manifest.layers)
        await writeFile(join(directory, 'blobs/sha256', digest.slice(7)), await readFile(blob(digest)));
      const put = async (document: unknown) => {
        let text = JSON.stringify(document) ?? 'null';
        if (random(20) === 0) text = text.slice(0, random(text.length + 1));
        const digest = sha256(text);
        await writeFile(join(directory, 'blobs/sha256', digest.slice(7)), text);
        return { digest, size: Buffer.byteLength(text) };
      };
      const source = createLocalImageSource();
      const codes = new Map<string, number>();
      for (let round = 0; round < ROUNDS; round += 1) {
        const which = random(3);
        const change = (document: unknown, number: number) => (which === number ? mutate(document, random) : document);
        const configBlob = await put(change(config, 0));
        const linked = { ...manifest, config: { ...manifest.config, ...configBlob } };
        const manifestBlob = await put(change(linked, 1));
        const entries = [{ ...index.manifests[0], ...manifestBlob }];
        await writeFile(
          join(directory, 'index.json'),
          JSON.stringify(change({ ...index, manifests: entries }, 2)) ?? 'null',
        );
        const outcome = await source.resolve(`oci:${directory}:latest`).then(
          (image) => (image.layers.every(({ digest }) => /^sha256:[0-9a-f]{64}$/.test(digest)) ? 'ok' : 'unsafe'),
          (thrown: unknown) => {
            if (!BoxliteError.isInstance(thrown)) throw new Error(`seed ${SEED}, round ${round}`, { cause: thrown });
            expect(thrown.message, `seed ${SEED}, round ${round}`).not.toMatch(/[\u0000-\u0008\u001b]/);
            return thrown.code;
          },
        );
        codes.set(outcome, (codes.get(outcome) ?? 0) + 1);
      }
      expect([...codes.keys()].sort()).toEqual(expect.arrayContaining(['image_invalid', 'ok', 'platform_mismatch']));
      const expected = [
        'digest_mismatch',
        'image_invalid',
        'image_not_found',
        'invalid_argument',
        'ok',
        'platform_mismatch',
        'resource_exhausted',
      ];
      expect(expected).toEqual(expect.arrayContaining([...codes.keys()]));
    },
    60_000 + ROUNDS * 100,
  );
});
