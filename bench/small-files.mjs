// A layer of 50 000 small files to a durable ext4 disk, against `mke2fs -d` of the same files unpacked.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { alternate } from './lib/alternate.mjs';
import { convertTarFile, DISK_BYTES } from './lib/convert-tar-file.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { ratio, summarize } from './lib/statistics.mjs';
import { writeTarFile } from './lib/tar-file.mjs';

export const defaultRuns = 5;

const TARGET_RATIO = 1;
const FILES = { files: 50_000, bytes: 2500, perDirectory: 100 };

export function run({ runs, progress }) {
  return withScratch(async (directory) => {
    const tar = join(directory, 'layer.tar');
    const tree = join(directory, 'tree');
    writeTarFile(tar, FILES);
    mkdirSync(tree);
    execFileSync('tar', ['-xf', tar, '-C', tree, ...(process.getuid() === 0 ? [] : ['--no-same-owner'])]);
    execFileSync('sync', ['-f', tree]);
    const samples = await alternate(
      { ours: () => convert(tar, directory), theirs: () => makeFileSystem(tree, directory) },
      { runs, warmUp: 1, progress },
    );
    const units = { 'ours: peak memory': 'MiB' };
    return report(
      Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: units[name] ?? 's' })),
      [
        {
          name: 'ours / mke2fs -d',
          unit: 'x',
          ...ratio(
            summarize(samples['ours, the whole process']),
            summarize(samples['mke2fs -d of the unpacked files']),
          ),
          target: TARGET_RATIO,
        },
      ],
    );
  });
}

function convert(tar, directory) {
  const target = join(directory, 'ours.ext4');
  const { seconds, cpuSeconds, peakMib } = convertTarFile(tar, target);
  rmSync(target);
  return { 'ours, the whole process': seconds, 'ours: processor time': cpuSeconds, 'ours: peak memory': peakMib };
}

/** Not durable, and unpacking is not counted. */
function makeFileSystem(tree, directory) {
  const target = join(directory, 'theirs.ext4');
  const begun = performance.now();
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-d', tree, target, `${DISK_BYTES / 1024}k`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const seconds = (performance.now() - begun) / 1000;
  if (statSync(target).size !== DISK_BYTES) throw new Error('mke2fs made a disk of another size');
  rmSync(target);
  return { 'mke2fs -d of the unpacked files': seconds };
}
