// What the jail adds to a start and to memory, by part, and what its filter of system calls costs one call; as root and as an ordinary user.
import { chmodSync } from 'node:fs';
import { compileProbe } from './jail/lib/compile-probe.mjs';
import { filterLengths } from './jail/lib/filter-lengths.mjs';
import { withStartWorkers } from './jail/lib/start-workers.mjs';
import { VMMS } from './jail/lib/timed-start.mjs';
import { alternate } from './lib/alternate.mjs';
import { processTree, pssMib } from './lib/process-memory.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { difference, ratio, summarize } from './lib/statistics.mjs';

export const defaultRuns = 40;

const TARGET_ADDED_MS = 15;
/** Long enough for a mean, short enough to be within one time slice of an idle machine. */
const CALLS = 20_000;
const OFF = { jailer: 'off' };

/** The starts that are compared. `parts`: what the difference to the whole jail is the cost of. */
const STARTS = {
  'jail off': { vmm: VMMS.probe, security: OFF },
  'whole jail': { vmm: VMMS.probe },
  'without seccomp': { vmm: VMMS.probe, security: { seccomp: 'off' } },
  'without Landlock': { vmm: VMMS.probe, sandbox: 'bwrap' },
  'small view': { vmm: VMMS.smallView },
  'QEMU, jail off': { vmm: VMMS.qemu, security: OFF },
  'QEMU, whole jail': { vmm: VMMS.qemu },
};

const IN_PARTS = ['jail off', 'whole jail'];

export function run({ runs, progress }) {
  return withScratch(async (directory) => {
    chmodSync(directory, 0o711); // For the ordinary user.
    const probe = compileProbe(directory);
    return withStartWorkers(probe, async ({ users, ask }) => {
      const times = await alternate(Object.fromEntries(users.flatMap((user) => startsOf(user, ask))), {
        runs,
        warmUp: 2,
        progress,
      });
      const calls = await alternate(Object.fromEntries(users.flatMap((user) => callsOf(user, ask))), {
        runs: Math.ceil(runs / 4),
        warmUp: 1,
      });
      const memory = await measureMemory(users, ask, Math.max(1, Math.round(runs / 20)));
      return report(
        [
          ...series(times, 'ms'),
          ...series(calls, 'ns'),
          ...series(memory, 'MiB'),
          ...series(await filterLengths(), 'instr.'),
        ],
        users.flatMap((user) => [...addedTimes(user, times), ...callRatios(user, calls)]),
      );
    });
  });
}

/** A turn is one start of each kind. The parts that do not differ are told of two kinds only. */
function startsOf(user, ask) {
  return Object.entries(STARTS).map(([name, options]) => [
    `${user}, ${name}`,
    async () => {
      const { total, spawn, ...parts } = await ask(user, { task: 'time', options });
      const told = { total, ...(spawn === undefined ? {} : { spawn }), ...(IN_PARTS.includes(name) ? parts : {}) };
      return named(`${user}, ${name}`, told);
    },
  ]);
}

function callsOf(user, ask) {
  return ['jail off', 'without seccomp', 'whole jail'].map((name) => [
    `${user}, ${name}`,
    async () => {
      const { null: none, pread } = await ask(user, { task: 'time', options: STARTS[name], calls: CALLS });
      return named(`${user}, ${name}, one call`, { 'pread of nothing': none, 'pread of 4 KiB': pread });
    },
  ]);
}

/** PSS of whatever runs beside supervisor and VMM; only root may read that of others. */
async function measureMemory(users, ask, runs) {
  if (process.getuid() !== 0) return {};
  const turn = (user) => async () => {
    const { supervisor, vmm } = await ask(user, { task: 'run', options: { vmm: 'qemu' } });
    try {
      const added = processTree(supervisor).filter(({ pid }) => pid !== supervisor && pid !== vmm);
      return {
        [`${user}, memory of ${added.length} processes the jail adds`]: added.reduce(
          (sum, { pid }) => sum + pssMib(pid),
          0,
        ),
      };
    } finally {
      await ask(user, { task: 'end' });
    }
  };
  return alternate(Object.fromEntries(users.map((user) => [user, turn(user)])), { runs });
}

function addedTimes(user, times) {
  const of = (name, part) => summarize(times[`${user}, ${name}: ${part}`]);
  const added = (label, more, less, part = 'total') => ({
    name: `${user}, ${label}`,
    unit: 'ms',
    ...difference(of(more, part), of(less, part)),
  });
  return [
    { ...added('the jail adds to a start', 'whole jail', 'jail off'), target: TARGET_ADDED_MS },
    { ...added('the jail adds to a start of QEMU', 'QEMU, whole jail', 'QEMU, jail off'), target: TARGET_ADDED_MS },
    added('of it rules (files, chains, libraries)', 'whole jail', 'jail off', 'rules'),
    added('of it prepare()', 'whole jail', 'jail off', 'prepare'),
    added('of it command()', 'whole jail', 'jail off', 'wrap'),
    added('of it until the program runs', 'whole jail', 'jail off', 'spawn'),
    added("of that QEMU's libraries in the view", 'whole jail', 'small view', 'spawn'),
    added('of that Landlock', 'whole jail', 'without Landlock', 'spawn'),
    added('of that seccomp', 'whole jail', 'without seccomp', 'spawn'),
  ];
}

function callRatios(user, calls) {
  const of = (name, call) => summarize(calls[`${user}, ${name}, one call: ${call}`]);
  return ['pread of nothing', 'pread of 4 KiB'].flatMap((call) => [
    {
      name: `${user}, the filter adds to a ${call}`,
      unit: 'ns',
      ...difference(of('whole jail', call), of('without seccomp', call)),
    },
    {
      name: `${user}, ${call} with / without filter`,
      unit: 'x',
      ...ratio(of('whole jail', call), of('without seccomp', call)),
    },
  ]);
}

function named(prefix, figures) {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${prefix}: ${name}`, value]));
}

function series(samples, unit) {
  return Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit }));
}
