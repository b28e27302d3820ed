// What the filter of system calls costs a guest that works with files: two boxes of the same kind, one with it and one without, take turns.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { countCalls } from './jail/lib/count-calls.mjs';
import { alternate, timed } from './lib/alternate.mjs';
import { builtPackage } from './lib/packages.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { ratio, summarize } from './lib/statistics.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';

export const defaultRuns = 20;

const TARGET_RATIO = 1.02;
/** Linux counts processor time in hundredths of a second for every architecture (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Each ends on the disk: what stays in the guest's memory is no call of the VMM. */
const WORKLOADS = {
  'unpack 1000 files, sync': 'rm -rf tree; mkdir tree; tar -xf files.tar -C tree; sync',
  'rm -r of them, sync': 'rm -rf tree; sync',
  '2 MiB by 4 KiB past the cache': 'dd if=/dev/zero of=block bs=4k count=512 oflag=direct 2>/dev/null',
};
const PREPARE = [
  'mkdir -p /root/bench && cd /root/bench && mkdir files',
  'for i in $(seq 1000); do echo "a small file, number $i" > files/$i; done',
  'tar -cf files.tar files && rm -rf files && sync',
].join(' && ');

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ boxlite, homeDir, remove }) => {
      const { parsePidRecord } = await builtPackage('supervisor');
      const boxes = {};
      try {
        for (const [name, security] of Object.entries({ filter: {}, 'no filter': { seccomp: 'off' } })) {
          const box = await boxlite.create({ memoryMib: MEMORY_MIB, vmm: 'qemu', security });
          boxes[name] = { box };
          await runInside(box, PREPARE);
          const record = readFileSync(join(homeDir, 'boxes', box.id, 'shim.pid'), 'utf8');
          boxes[name].pid = parsePidRecord(record).vmm.pid;
        }
        const turns = Object.entries(WORKLOADS).flatMap(([workload, script]) =>
          Object.entries(boxes).map(([name, { box, pid }]) => [
            `${name}, ${workload}`,
            () => workOnce(`${name}, ${workload}`, box, pid, script),
          ]),
        );
        // In this order: what is removed was unpacked before.
        const samples = await alternate(Object.fromEntries(turns), { runs, warmUp: 2, rotate: false, progress });
        return summary(samples, await callsOf(boxes['no filter']));
      } finally {
        for (const { box } of Object.values(boxes)) await remove(box);
      }
    }),
  );
}

/** What each workload asks of the kernel: times what a filter adds to one call, this is what it adds to the workload. */
async function callsOf({ box, pid }) {
  const series = [];
  for (const [workload, script] of Object.entries(WORKLOADS)) {
    const calls = await countCalls(pid, () => runInside(box, `cd /root/bench; ${script}`));
    if (calls !== undefined)
      series.push({ name: `${workload}: system calls of QEMU`, samples: [calls], unit: 'calls' });
  }
  return series;
}

function summary(samples, calls) {
  const of = (name) => summarize(samples[name]);
  const series = Object.entries(samples).map(([name, values]) => ({
    name,
    samples: values,
    unit: name.endsWith('processor time') ? 's' : 'ms',
  }));
  const comparisons = Object.keys(WORKLOADS).flatMap((workload) =>
    ['', ': processor time'].map((what) => ({
      name: `${workload}${what}, filter / none`,
      unit: 'x',
      ...ratio(of(`filter, ${workload}${what}`), of(`no filter, ${workload}${what}`)),
      target: TARGET_RATIO,
    })),
  );
  const total = (which) => summarize(sumOf(samples, which));
  comparisons.push({
    name: 'all three: processor time, filter / none',
    unit: 'x',
    ...ratio(total('filter'), total('no filter')),
    target: TARGET_RATIO,
  });
  return report([...series, ...calls], comparisons);
}

/** Processor time of all workloads, round by round. */
function sumOf(samples, which) {
  const lists = Object.keys(WORKLOADS).map((workload) => samples[`${which}, ${workload}: processor time`]);
  return lists[0].map((_value, round) => lists.reduce((sum, list) => sum + list[round], 0));
}

async function workOnce(name, box, pid, script) {
  const before = processorSeconds(pid);
  const milliseconds = await timed(() => runInside(box, `cd /root/bench; ${script}`));
  return { [name]: milliseconds, [`${name}: processor time`]: processorSeconds(pid) - before };
}

async function runInside(box, script) {
  const { exitCode, stderr } = await box.run('sh', ['-c', script]);
  if (exitCode !== 0) throw new Error(`the workload ended with status ${exitCode}: ${stderr}`);
}

/** User and system time of a process and all its threads: fields 14 and 15 of proc(5)'s stat. */
function processorSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
