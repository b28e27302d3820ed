// The ext4 writer alone: an uncompressed layer to a durable disk, against `cp` and fsync of the same bytes on the same file system; and its memory.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { alternate } from './lib/alternate.mjs';
import { convertTarFile } from './lib/convert-tar-file.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { ratio, summarize } from './lib/statistics.mjs';
import { writeTarFile } from './lib/tar-file.mjs';

export const defaultRuns = 5;

/** Of the throughput of cp: so many times as long may ours take. */
const TARGET_THROUGHPUT = 0.3;
const TARGET_MEMORY_MB = 200;
const MEGABYTE = 1e6 / 2 ** 20;
/** Sizes as in a distribution: 20 KiB a file; and large ones. */
const LAYERS = [
  { name: '20 000 files of 20 KiB', files: 20_000, bytes: 20 * 1024, perDirectory: 50 },
  { name: '64 files of 8 MiB', files: 64, bytes: 8 * 2 ** 20, perDirectory: 8 },
];
const MANY = { files: 500_000, bytes: 0, perDirectory: 200 };
/** What memory must not depend on. */
const FEW_BYTES = { files: 64, bytes: 2 ** 20, perDirectory: 8 };

export function run({ runs, progress }) {
  return withScratch(async (directory) => {
    const [series, comparisons] = [[], []];
    for (const { name, ...shape } of LAYERS) {
      const tar = join(directory, 'layer.tar');
      writeTarFile(tar, shape);
      const samples = await alternate(
        { ours: () => convert(tar, name, directory), cp: () => copy(tar, name, directory) },
        { runs, warmUp: 1, progress },
      );
      for (const [figure, values] of Object.entries(samples)) {
        series.push({ name: figure, samples: values, unit: unitOf(figure) });
      }
      comparisons.push({
        name: `${name}: ours / (cp + fsync)`,
        unit: 'x',
        // The targets of a report are upper bounds: a third of the throughput is three times as long.
        ...ratio(summarize(samples[`${name}: ours`]), summarize(samples[`${name}: cp + fsync`])),
        target: Number((1 / TARGET_THROUGHPUT).toFixed(2)),
      });
    }
    const memory = await measureMemory(directory);
    series.push(...memory.map(({ name, value, unit }) => ({ name, samples: [value], unit })));
    for (const { name, value, unit } of memory.filter((figure) => figure.name.includes('memory'))) {
      comparisons.push({
        name,
        unit,
        min: value,
        p50: value,
        p95: value,
        target: Math.floor(TARGET_MEMORY_MB * MEGABYTE),
      });
    }
    return report(series, comparisons);
  });
}

function convert(tar, name, directory) {
  const target = join(directory, 'ours.ext4');
  const { convertSeconds, cpuSeconds, peakMib } = convertTarFile(tar, target);
  rmSync(target);
  return {
    [`${name}: ours`]: convertSeconds,
    [`${name}: ours, processor time`]: cpuSeconds,
    [`${name}: ours, peak memory`]: peakMib,
  };
}

function copy(tar, name, directory) {
  const target = join(directory, 'copy.tar');
  const begun = performance.now();
  execFileSync('cp', [tar, target]);
  execFileSync('sync', [target]);
  const seconds = (performance.now() - begun) / 1000;
  rmSync(target);
  return { [`${name}: cp + fsync`]: seconds };
}

/** Once each: memory does not depend on what else the machine does. */
async function measureMemory(directory) {
  const figures = [];
  for (const [name, shape] of Object.entries({ '500 000 empty files': MANY, '64 MiB in 64 files': FEW_BYTES })) {
    const tar = join(directory, 'memory.tar');
    const target = join(directory, 'memory.ext4');
    writeTarFile(tar, shape);
    const { convertSeconds, cpuSeconds, peakMib } = convertTarFile(tar, target);
    rmSync(tar);
    rmSync(target);
    figures.push({ name: `${name}: ours`, value: convertSeconds, unit: 's' });
    figures.push({ name: `${name}: ours, processor time`, value: cpuSeconds, unit: 's' });
    figures.push({ name: `${name}: our peak memory`, value: peakMib, unit: 'MiB' });
  }
  return figures;
}

function unitOf(figure) {
  return figure.endsWith('memory') ? 'MiB' : 's';
}
