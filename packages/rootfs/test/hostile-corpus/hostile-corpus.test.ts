import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildImageDisk, type LayerStream } from '../../src/index.js';
import { applyLayers } from '../support/applied-tree.js';
import { streamOf } from '../support/build.js';
import { checkFileSystem, isRoot, run, temporaryDirectory, withMount } from '../support/host.js';
import { openFiles } from '../support/leaks.js';
import { CONTAINMENT } from './containment.js';
import { EXTENDED_HEADERS } from './extended-headers.js';
import { FRAMING } from './framing.js';
import type { HostileArchive } from './hostile-archive.js';
import { LIMITS } from './limits.js';
import { SPARSE_FILES } from './sparse-files.js';
import { WHITEOUTS } from './whiteouts.js';

const MIB = 1024 ** 2;
/** What one conversion may add to the memory of the process, its garbage included. */
const MAX_GROWTH_BYTES = 256 * MIB;

/** None may take longer: several were made to keep a reader busy for hours. */
const TIMEOUT = { timeout: 60_000 * Number(process.env.BOXLITE_TEST_SLOW ?? 1) };

const CORPUS = { FRAMING, EXTENDED_HEADERS, SPARSE_FILES, CONTAINMENT, WHITEOUTS, LIMITS };

describe('the corpus of hostile archives', () => {
  it('has at least 60 different ones', () => {
    const names = Object.values(CORPUS).flatMap((archives) => archives.map(({ name }) => name));
    expect(names.length).toBeGreaterThanOrEqual(60);
    expect(new Set(names).size).toBe(names.length);
  });
});

for (const [topic, archives] of Object.entries(CORPUS)) {
  describe(`an archive (${topic.toLowerCase().replaceAll('_', ' ')})`, () => {
    it.each(archives.map((archive) => [archive.name, archive] as const))('%s', TIMEOUT, async (_name, archive) => {
      const directory = await temporaryDirectory();
      await mkdir(join(directory, 'image'));
      await writeFile(join(directory, 'bystander'), 'untouched');
      const target = join(directory, 'image', 'disk.ext4');
      const before = { files: await openFiles(), memory: process.memoryUsage.rss() };
      const build = buildImageDisk({
        sizeBytes: 64 * MIB,
        ...archive.options,
        layers: archive.layers().map(streamed),
        target,
      });
      if ('code' in archive.expected) {
        const { code, field } = archive.expected;
        await expect(build).rejects.toMatchObject({ code, details: { field } });
        expect(await readdir(join(directory, 'image'))).toEqual([]);
      } else {
        await build;
        await checkFileSystem(target);
        await compare(archive, archive.expected.tree, target);
        await rm(target);
      }
      expect(process.memoryUsage.rss() - before.memory).toBeLessThan(MAX_GROWTH_BYTES);
      expect(await openFiles()).toEqual(before.files);
      expect((await readdir(directory)).sort()).toEqual(['bystander', 'image']);
    });
  });
}

/** The layers' tree by itself and, where mounting is possible, the one a kernel finds on the disk. */
async function compare(archive: HostileArchive, expected: Readonly<Record<string, string>>, disk: string) {
  const layers = archive.layers();
  if (layers.every(Buffer.isBuffer)) expect(applyLayers(layers, archive.options).files).toEqual(expected);
  if (!isRoot) return;
  const found = await withMount(disk, async (root) => {
    const listing = await run(
      'find',
      root,
      '-mindepth',
      '1',
      '-not',
      '-path',
      `${root}/lost+found`,
      '-printf',
      '%P\\0',
    );
    return listing.split('\0').slice(0, -1);
  });
  const isNamed = (name: string) => name !== 'lost+found';
  expect(found.sort()).toEqual(Object.keys(expected).filter(isNamed).map(asText).sort());
}

/** Names of bytes as a listing decoded as UTF-8 has them. */
function asText(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}

function streamed(layer: Buffer | LayerStream): LayerStream {
  return Buffer.isBuffer(layer) ? streamOf(layer) : layer;
}
