// exec of `true` in a running box, against a bare fork + setns + exec in the guest with nothing of the agent around it.
import { once } from 'node:events';
import { join } from 'node:path';
import { alternate, timed } from './lib/alternate.mjs';
import { startBareQemu } from './lib/bare-qemu.mjs';
import { buildProbeDisk } from './lib/probe-disk.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { ratio, summarize } from './lib/statistics.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';

export const defaultRuns = 50;

const TARGET_RATIO = 1.5;
/** What the probe is asked to do, see guest-agent/native/src/exec-probe.c. */
const PROBES = {
  'probe: echo over the link': 'e',
  'probe: fork, exec': 'f',
  'probe: fork, setns(mnt), exec': 's',
  'probe: fork, 5 x setns, fork, exec': 'n',
};

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ boxlite, parts, remove }) => {
      const rootfsDisk = await buildProbeDisk(join(directory, 'probe.ext4'));
      const machine = await parts.prepareMachine(join(directory, 'probe'));
      const probe = await startBareQemu({ ...machine, kernel: parts.kernel, rootfsDisk, memoryMib: MEMORY_MIB });
      const box = await boxlite.create({ memoryMib: MEMORY_MIB });
      try {
        await probe.firstByte; // it says when it is ready
        await box.start();
        // Ours before each probe: a machine that has just run is faster than one that was idle, so both take turns one by one.
        const turns = Object.entries(PROBES).flatMap(([name, mode]) => [
          [`ours, then ${name}`, () => execTrue(box)],
          [name, () => ask(probe.link, mode, name)],
        ]);
        const samples = await alternate(Object.fromEntries(turns), { runs, warmUp: 5, rotate: false, progress });
        return summary(samples);
      } finally {
        await probe.end();
        await remove(box);
      }
    }),
  );
}

function summary(samples) {
  const ours = summarize(samples['box.exec, wait']);
  const against = (name) => ratio(ours, summarize(samples[name]));
  return report(
    Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: 'ms' })),
    [
      {
        name: 'exec / textbook (5 x setns)',
        unit: 'x',
        ...against('probe: fork, 5 x setns, fork, exec'),
        target: TARGET_RATIO,
      },
      { name: 'exec / least possible (setns(mnt))', unit: 'x', ...against('probe: fork, setns(mnt), exec') },
    ],
  );
}

async function execTrue(box) {
  const milliseconds = await timed(async () => {
    const { exitCode } = await (await box.exec('true')).wait();
    if (exitCode !== 0) throw new Error(`true ended with status ${exitCode}`);
  });
  return { 'box.exec, wait': milliseconds };
}

/** One request to the probe: the time this side waits, as for `exec`, and the time the guest itself measured. */
async function ask(link, mode, name) {
  let inGuest = 0;
  const milliseconds = await timed(async () => {
    link.write(mode);
    const [bytes] = await once(link, 'data');
    inGuest = Number(bytes.readBigUInt64LE(0)) / 1e6;
  });
  return mode === 'e' ? { [name]: milliseconds } : { [name]: milliseconds, [`${name}, by the guest's clock`]: inGuest };
}
