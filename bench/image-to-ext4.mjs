// An OCI image into an ext4 disk: ours against `umoci unpack` (as root) and `mke2fs -d`.
import { execFileSync } from 'node:child_process';
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alternate } from './lib/alternate.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { ratio, summarize } from './lib/statistics.mjs';
import { writeSyntheticImage } from './lib/synthetic-image.mjs';

export const defaultRuns = 3;

const TARGET_RATIO = 0.7;
const TARGET_MEMORY_MIB = 200;
const IMAGES_MIB = [100, 400];
/** What a box gets by default. */
const DISK_BYTES = 10 * 1024 ** 3;
const CONVERTER = fileURLToPath(new URL('lib/convert-image.mjs', import.meta.url));

export function run({ runs, progress }) {
  return withScratch(async (directory) => {
    const [series, comparisons] = [[], []];
    for (const mebibytes of IMAGES_MIB) {
      const layout = join(directory, `image-${mebibytes}`);
      await writeSyntheticImage(layout, mebibytes);
      const samples = await alternate(
        { ours: () => convert(layout, directory), theirs: () => unpackAndMake(layout, directory) },
        { runs, warmUp: 1, progress },
      );
      for (const [name, values] of Object.entries(samples)) {
        series.push({
          name: `${mebibytes} MiB, ${name}`,
          samples: values,
          unit: name.endsWith('memory') ? 'MiB' : 's',
        });
      }
      comparisons.push(...compare(mebibytes, samples));
    }
    return report(series, comparisons);
  });
}

function compare(mebibytes, samples) {
  const ours = summarize(samples.ours);
  return [
    {
      name: `${mebibytes} MiB, ours / (umoci + mke2fs)`,
      unit: 'x',
      ...ratio(ours, summarize(samples['umoci + mke2fs'])),
      target: TARGET_RATIO,
    },
    {
      name: `${mebibytes} MiB, our peak memory`,
      unit: 'MiB',
      ...summarize(samples['our peak memory']),
      target: TARGET_MEMORY_MIB,
    },
  ];
}

function convert(layout, directory) {
  const target = join(directory, 'ours.ext4');
  const begun = performance.now();
  const output = execFileSync(process.execPath, [CONVERTER, layout, target, String(DISK_BYTES)], { encoding: 'utf8' });
  const seconds = (performance.now() - begun) / 1000;
  rmSync(target);
  return { ours: seconds, 'our peak memory': JSON.parse(output).peakKib / 1024 };
}

function unpackAndMake(layout, directory) {
  const bundle = join(directory, 'bundle');
  const target = join(directory, 'theirs.ext4');
  const begun = performance.now();
  execFileSync(
    'umoci',
    ['unpack', ...(process.getuid() === 0 ? [] : ['--rootless']), '--image', `${layout}:bench`, bundle],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const unpacked = performance.now();
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', join(bundle, 'rootfs'), target, `${DISK_BYTES / 1024}k`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const made = performance.now();
  if (statSync(target).size !== DISK_BYTES) throw new Error('mke2fs made a disk of another size');
  rmSync(bundle, { recursive: true });
  rmSync(target);
  return {
    'umoci + mke2fs': (made - begun) / 1000,
    'umoci unpack': (unpacked - begun) / 1000,
    'mke2fs -d': (made - unpacked) / 1000,
  };
}
