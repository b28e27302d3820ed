// A Debian image of 400 MB from a registry on loopback to a disk a box can boot from: ours against `skopeo copy`, `umoci unpack` (as root) and `mke2fs -d`.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { debianImageLayout } from '../scripts/debian-image.mjs';
import { alternate } from './lib/alternate.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { ratio, summarize } from './lib/statistics.mjs';
import { startRegistry } from './peers/lib/local-registry.mjs';

export const defaultRuns = 3;

const TARGET_RATIO = 0.5;
/** What a box gets by default. */
const DISK_BYTES = 10 * 1024 ** 3;
const PULLER = fileURLToPath(new URL('lib/pull-image.mjs', import.meta.url));
/** The second shares its base with the first. */
const IMAGES = [
  { name: 'debian:large', figure: 'pull to disk' },
  { name: 'debian:small', figure: 'second image, base shared' },
];

export function run({ runs, progress }) {
  return withScratch(async (directory) => {
    const layout = debianImageLayout();
    const storage = join(directory, 'registry');
    mkdirSync(storage);
    const registry = await startRegistry({ storage, directory });
    try {
      for (const { name } of IMAGES) {
        skopeo(['--dest-tls-verify=false', `oci:${layout}:${name.split(':')[1]}`, `docker://${registry.host}/${name}`]);
      }
      const samples = await alternate(
        { ours: () => pullOurs(registry.host, directory), theirs: () => pullTheirs(registry.host, directory) },
        { runs, warmUp: 1, progress },
      );
      return judge(samples);
    } finally {
      await registry.stop();
    }
  });
}

function judge(samples) {
  const of = (name) => summarize(samples[name]);
  const unitOf = (name) => (name.includes('memory') ? 'MiB' : 's');
  const theirs = 'skopeo + umoci + mke2fs';
  return report(
    Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: unitOf(name) })),
    IMAGES.map(({ figure }, index) => ({
      name: `${figure}: ours / (${theirs})`,
      unit: 'x',
      ...ratio(of(`${figure}, ours`), of(`${figure}, ${theirs}`)),
      ...(index === 0 ? { target: TARGET_RATIO } : {}),
    })),
  );
}

/** Each time in a new home, each image by a process of its own, whose start counts. */
function pullOurs(host, directory) {
  const home = join(directory, 'home');
  const figures = {};
  for (const { name, figure } of IMAGES) {
    const begun = performance.now();
    const output = execFileSync(process.execPath, [PULLER, home, host, name], { encoding: 'utf8' });
    figures[`${figure}, ours`] = (performance.now() - begun) / 1000;
    const { pullSeconds, convertSeconds, cpuSeconds, peakMib } = JSON.parse(output);
    figures[`${figure}, ours: pull`] = pullSeconds;
    figures[`${figure}, ours: convert`] = convertSeconds;
    figures[`${figure}, ours: processor time`] = cpuSeconds;
    figures[`${figure}, ours: peak memory`] = peakMib;
  }
  rmSync(home, { recursive: true });
  return figures;
}

/** Nothing of theirs is made durable; ours is. */
function pullTheirs(host, directory) {
  const layout = join(directory, 'layout');
  const bundle = join(directory, 'bundle');
  const target = join(directory, 'theirs.ext4');
  const figures = {};
  for (const { name, figure } of IMAGES) {
    const tag = name.split(':')[1];
    const times = [performance.now()];
    const step = (program, args) => {
      execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
      times.push(performance.now());
    };
    step('skopeo', ['copy', '--quiet', '--src-tls-verify=false', `docker://${host}/${name}`, `oci:${layout}:${tag}`]);
    step('umoci', ['unpack', ...(process.getuid() === 0 ? [] : ['--rootless']), '--image', `${layout}:${tag}`, bundle]);
    step('mke2fs', ['-q', '-t', 'ext4', '-d', join(bundle, 'rootfs'), target, `${DISK_BYTES / 1024}k`]);
    if (statSync(target).size !== DISK_BYTES) throw new Error('mke2fs made a disk of another size');
    const seconds = (index) => (times[index + 1] - times[index]) / 1000;
    figures[`${figure}, skopeo + umoci + mke2fs`] = (times.at(-1) - times[0]) / 1000;
    figures[`${figure}, skopeo copy`] = seconds(0);
    figures[`${figure}, umoci unpack`] = seconds(1);
    figures[`${figure}, mke2fs -d`] = seconds(2);
    rmSync(bundle, { recursive: true });
    rmSync(target);
  }
  rmSync(layout, { recursive: true });
  return figures;
}

function skopeo(args) {
  execFileSync('skopeo', ['copy', '--quiet', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
}
