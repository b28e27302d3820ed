import type { ConversionOptions } from '../../src/index.js';
import { seededRandom } from '../support/seeded-random.js';
import { type TarEntrySpec, writeTar } from '../support/write-tar.js';
import { damageArchive, mutateArchive, properArchive } from './mutate-archive.js';
import { harmlessEntries, hostileEntry, pick, type Random } from './random-entries.js';

const MIB = 1024 ** 2;

/** An image to convert, fixed by its seed. */
export interface FuzzCase {
  readonly seed: number;
  readonly layers: readonly Buffer[];
  /** How many bytes the layers arrive in at a time. */
  readonly pieceBytes: number;
  readonly options: Partial<ConversionOptions>;
}

const KINDS: readonly ((random: Random) => Buffer[])[] = [
  /** Layers of entries with any values. */
  (random) => layersOf(random, 3, 10, () => hostileEntry(random)),
  /** Layers of entries that are accepted, so that trees get interesting. */
  (random) => layersOf(random, 6, 25, harmlessEntries(random)),
  /** One layer of many that knows no rules. */
  (random) => {
    const harmless = harmlessEntries(random);
    const below = layersOf(random, 2, 10, harmless);
    return [...below, mutateArchive(properArchive(random), random), ...layersOf(random, 2, 10, harmless)];
  },
  (random) => [damageArchive(properArchive(random), random)],
];

/** The case of a seed: always the same. */
export function makeFuzzCase(seed: number): FuzzCase {
  const random = seededRandom(seed);
  const layers = pick(random, KINDS)(random);
  return { seed, layers, pieceBytes: 1 + random(70_000), options: randomOptions(random) };
}

function layersOf(random: Random, most: number, mostEntries: number, entry: () => TarEntrySpec): Buffer[] {
  return Array.from({ length: 1 + random(most) }, () => writeTar(Array.from({ length: random(mostEntries) }, entry)));
}

/** One case in four has tight limits. */
function randomOptions(random: Random): Partial<ConversionOptions> {
  const disk = random(20) === 0 ? { sizeBytes: 'fit' as const } : { sizeBytes: 8 * MIB, journal: false };
  const limits = pick(random, [
    {},
    {},
    {},
    pick(random, [
      { maxEntries: 1 + random(20) },
      { maxPathBytes: 1 + random(40) },
      { maxDepth: 1 + random(4) },
      { maxDirectoryEntries: 1 + random(5) },
      { maxXattrBytes: 1 + random(40) },
      { maxXattrNames: 1 },
      { maxHeaderBytes: 1 + random(200) },
      { maxPathSteps: 1 + random(100) },
      { maxBytes: 1 + random(20_000) },
    ]),
  ]);
  return { maxBytes: 64 * MIB, ...disk, ...limits };
}
