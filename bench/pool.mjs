// A box from a pool and its first exec, against an exec in a box that has run one before.
import { alternate, timed } from './lib/alternate.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { difference, summarize } from './lib/statistics.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';

export const defaultRuns = 20;

const TARGET_MS = 30;

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ boxlite, remove }) => {
      const running = await boxlite.create({ memoryMib: MEMORY_MIB });
      await running.run('true');
      const pool = boxlite.pool({ size: 1, memoryMib: MEMORY_MIB });
      const samples = await alternate(
        {
          pool: () => takeBox(pool, remove),
          floor: async () => ({ 'exec in a running box': await timed(() => runTrue(running)) }),
        },
        { runs, warmUp: 1, progress },
      );
      const whole = summarize(samples['take + first exec']);
      const floor = summarize(samples['exec in a running box']);
      return report(
        Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: 'ms' })),
        [
          { name: 'take + first exec', unit: 'ms', ...whole, target: TARGET_MS },
          { name: 'take + first exec - exec in a running box', unit: 'ms', ...difference(whole, floor) },
        ],
      );
    }),
  );
}

/** What the pool starts in its place is awaited at the next turn, outside of what is measured. */
async function takeBox(pool, remove) {
  await pool.ready();
  const begun = performance.now();
  const box = await pool.take();
  const taken = performance.now();
  await runTrue(box);
  const finished = performance.now();
  await pool.ready();
  await remove(box);
  return { take: taken - begun, 'first exec': finished - taken, 'take + first exec': finished - begun };
}

async function runTrue(box) {
  const { exitCode } = await box.run('true');
  if (exitCode !== 0) throw new Error(`true ended with status ${exitCode}`);
}
