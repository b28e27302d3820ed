// create + start + first exec of a box, by stage: cold, cold with libkrunfw's kernel, from a template of its shape, from one of its image; against a bare QEMU with the same kernel and
// disks; and the whole of `boxlite run`.
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { alternate, timed } from './lib/alternate.mjs';
import { startBareQemu } from './lib/bare-qemu.mjs';
import { packageFile } from './lib/packages.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { difference, ratio, summarize } from './lib/statistics.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';

export const defaultRuns = 20;

const TARGET_OVERHEAD_MS = 250;
/** Without KVM, at p50 and p95: of a box whose image has been started before in its shape. */
const TARGET_TEMPLATE_MS = { p50: 200, p95: 300 };
const TARGET_KERNEL_RATIO = 0.75;
/** Of boxes that go on from the template of their shape: one whose image has no template. */
const SHAPE_MEMORY_MIB = MEMORY_MIB + 8;

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ boxlite, homeDir, parts, remove }) => {
      const template = await boxlite.templates.build({ memoryMib: SHAPE_MEMORY_MIB });
      const ofImage = await boxlite.templates.build({ memoryMib: MEMORY_MIB, image: await starterImage(boxlite) });
      const kernels = await otherKernels(boxlite, remove);
      const starts = {
        ours: () => startBox(boxlite, remove, 'cold', { template: false }),
        template: () => named('template', startBox(boxlite, remove, 'shape', { memoryMib: SHAPE_MEMORY_MIB })),
        image: () => named('image template', startBox(boxlite, remove, 'image', {})),
        ...kernels,
      };
      const samples = await alternate(
        { ...starts, bare: () => startBare(join(directory, 'bare'), parts) },
        { runs, warmUp: 1, progress },
      );
      // Apart: another process each time, whose end would disturb whatever comes next.
      const { cli } = await alternate({ cli: () => runCli(homeDir) }, { runs: Math.ceil(runs / 4) });
      const { bare, ...ours } = samples;
      const overhead = (figure) => difference(summarize(ours[figure]), summarize(bare));
      return report(
        [
          { name: 'bare QEMU: spawn to first agent byte', samples: bare, unit: 'ms' },
          ...Object.entries(ours).map(([name, values]) => ({ name, samples: values, unit: 'ms' })),
          { name: '`boxlite run --rm -- true`, the whole process, from a template', samples: cli, unit: 'ms' },
          { name: 'template on disk', samples: [template.bytes / 1024 ** 2], unit: 'MiB' },
          { name: 'image template on disk', samples: [ofImage.bytes / 1024 ** 2], unit: 'MiB' },
        ],
        [
          { name: 'until hello - bare', unit: 'ms', ...overhead('until hello') },
          { name: 'until init done - bare', unit: 'ms', ...overhead('until init done') },
          {
            name: 'create + start + exec - bare',
            unit: 'ms',
            ...overhead('create + start + exec'),
            target: TARGET_OVERHEAD_MS,
          },
          ...templateLines(ours),
          ...kernelLines(ours),
        ],
      );
    }),
  );
}

function templateLines(samples) {
  const [cold, shape, image] = ['', 'template: ', 'image template: '].map((name) =>
    summarize(samples[`${name}create + start + exec`]),
  );
  return [
    { name: 'image template: create + start + exec', unit: 'ms', ...image, target: TARGET_TEMPLATE_MS.p50 },
    { name: 'image template: p95', unit: 'ms', ...only(image.p95), target: TARGET_TEMPLATE_MS.p95 },
    { name: 'template: create + start + exec', unit: 'ms', ...shape },
    { name: 'image template / cold', unit: 'x', ...ratio(image, cold) },
    { name: 'template / cold', unit: 'x', ...ratio(shape, cold) },
  ];
}

const only = (value) => ({ min: value, p50: value, p95: value });

function kernelLines(samples) {
  const theirs = samples['libkrunfw: create + start + exec'];
  if (theirs === undefined) return [];
  const line = ratio(summarize(samples['create + start + exec']), summarize(theirs));
  return [{ name: 'cold / cold with libkrunfw', unit: 'x', ...line, target: TARGET_KERNEL_RATIO }];
}

/** What boxes without an image are made from. */
async function starterImage(boxlite) {
  const [{ reference }] = await boxlite.images.list();
  return reference;
}

/** Cold starts with the kernel of libkrunfw, where it is to be had and is not what boxes boot anyway. */
async function otherKernels(boxlite, remove) {
  const options = { template: false, kernel: 'libkrunfw' };
  try {
    await startBox(boxlite, remove, 'cold', options);
  } catch {
    return {};
  }
  return { libkrunfw: () => named('libkrunfw', startBox(boxlite, remove, 'cold', options)) };
}

async function named(name, figures) {
  return Object.fromEntries(Object.entries(await figures).map(([figure, value]) => [`${name}: ${figure}`, value]));
}

async function startBox(boxlite, remove, from, options) {
  const begun = performance.now();
  const box = await boxlite.create({ memoryMib: MEMORY_MIB, ...options });
  const created = performance.now();
  const ends = {};
  await box.start({
    onStage: (name, timing) => {
      if (timing !== undefined) ends[name] = performance.now();
    },
  });
  const started = performance.now();
  const { exitCode } = await box.run('true');
  const finished = performance.now();
  if (exitCode !== 0) throw new Error(`true ended with status ${exitCode}`);
  const { startedFrom, templateKind } = await box.info();
  const origin = templateKind ?? startedFrom;
  if (origin !== from) throw new Error(`the box started from ${origin} instead of ${from}`);
  const stages = Object.fromEntries(box.startTimings.map(({ name, durationMs }) => [`stage ${name}`, durationMs]));
  await remove(box);
  return {
    create: created - begun,
    start: started - created,
    ...stages,
    'first exec': finished - started,
    'until hello': ends['guest-connect'] - begun,
    'until init done': ends['guest-init'] - begun,
    'create + start + exec': finished - begun,
  };
}

/** With Node's own start, a home to open, and the box's end and removal. */
async function runCli(home) {
  const args = [packageFile('cli/bin/boxlite.js'), 'run', '--rm', '--memory', String(MEMORY_MIB), '--', 'true'];
  const env = { ...process.env, BOXLITE_HOME: home };
  return { cli: await timed(() => promisify(execFile)(process.execPath, args, { env })) };
}

async function startBare(directory, { kernel, rootfsDisk, prepareMachine }) {
  const machine = await prepareMachine(directory);
  const qemu = await startBareQemu({ ...machine, kernel, rootfsDisk, memoryMib: MEMORY_MIB });
  try {
    const { at } = await qemu.firstByte;
    return { bare: at - qemu.spawnedAt };
  } finally {
    await qemu.end();
    await rm(directory, { recursive: true });
  }
}
