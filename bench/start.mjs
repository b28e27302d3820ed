// create + start + first exec of a box, by stage, against a bare QEMU with the same kernel and disks; and the whole of `boxlite run`.
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { alternate, timed } from './lib/alternate.mjs';
import { startBareQemu } from './lib/bare-qemu.mjs';
import { packageFile } from './lib/packages.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { difference, summarize } from './lib/statistics.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';

export const defaultRuns = 20;

const TARGET_OVERHEAD_MS = 250;

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ boxlite, homeDir, parts, remove }) => {
      const samples = await alternate(
        {
          ours: () => startBox(boxlite, remove),
          bare: () => startBare(join(directory, 'bare'), parts),
        },
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
          { name: '`boxlite run --rm -- true`, the whole process', samples: cli, unit: 'ms' },
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
        ],
      );
    }),
  );
}

async function startBox(boxlite, remove) {
  const begun = performance.now();
  const box = await boxlite.create({ memoryMib: MEMORY_MIB });
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
