// Forks of a running box: until all of them answer, what each takes of memory and of disk; and how long the parent does not answer meanwhile.
import { lstatSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { builtPackage } from './lib/packages.mjs';
import { processTree, pssMib, qemuPssMib } from './lib/process-memory.mjs';
import { report } from './lib/report.mjs';
import { withScratch } from './lib/scratch.mjs';
import { summarize } from './lib/statistics.mjs';
import { MEMORY_MIB, withWarmHome } from './lib/warm-home.mjs';

export const defaultRuns = 5;

const COUNTS = [10, 50];
/** Time without a command before an idle child is measured, in milliseconds. */
const SETTLE_MS = 3_000;
const TARGET_PSS_MIB = 25;

export function run({ runs, progress }) {
  return withScratch((directory) =>
    withWarmHome(directory, async ({ boxlite, homeDir, remove }) => {
      const parent = await boxlite.create({ memoryMib: MEMORY_MIB, vmm: 'qemu' });
      await runTrue(parent);
      // The first capture finds files and programs nobody has read yet.
      await removeAll(await parent.fork(2), remove);
      const samples = {};
      const rounds = Array.from({ length: runs }, () => COUNTS).flat();
      for (const [done, count] of rounds.entries()) {
        for (const [name, value] of Object.entries(await forkOnce(parent, count, { homeDir, remove }))) {
          samples[name] ??= [];
          samples[name].push(value);
        }
        progress(done + 1, rounds.length);
      }
      const unitOf = (name) => /MiB|KiB/.exec(name)?.[0] ?? 'ms';
      return report(
        Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: unitOf(name) })),
        COUNTS.map((count) => {
          const name = `fork(${count}): PSS of an idle child, MiB`;
          return { name, unit: 'MiB', ...summarize(samples[name]), target: TARGET_PSS_MIB };
        }),
      );
    }),
  );
}

async function forkOnce(parent, count, { homeDir, remove }) {
  const begun = performance.now();
  const answered = whenParentAnswers(parent);
  const children = await parent.fork(count);
  const forked = performance.now();
  await Promise.all(children.map(runTrue));
  const finished = performance.now();
  const parentMs = await answered;
  await delay(SETTLE_MS);
  const infos = await Promise.all(children.map((child) => child.info()));
  const trees = await Promise.all(children.map(({ id }) => processesOf(homeDir, id)));
  const pss = trees.map((pids) => pids.reduce((sum, pid) => sum + pssMib(pid), 0));
  const qemu = infos.map(({ pid }) => pssMib(pid));
  const parts = infos.map(({ pid }) => qemuPssMib(pid, MEMORY_MIB));
  const disks = await Promise.all(children.map(({ id }) => allocatedKib(join(homeDir, 'boxes', id, 'disks'))));
  const bases = (await readdir(join(homeDir, 'bases'))).filter((name) => name.endsWith('.qcow2'));
  const shared = bases.map((name) => lstatSync(join(homeDir, 'bases', name)).blocks / 2);
  await removeAll(children, remove);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    [`fork(${count}): until all run`]: forked - begun,
    [`fork(${count}): until all have answered a command`]: finished - begun,
    [`fork(${count}): the same, a child`]: (finished - begun) / count,
    [`fork(${count}): a command of the parent, asked at the same time`]: parentMs,
    [`fork(${count}): PSS of an idle child, MiB`]: mean(pss),
    [`fork(${count}): of that QEMU, MiB`]: mean(qemu),
    [`fork(${count}): of that guest RAM, MiB`]: mean(parts.map(({ guestRam }) => guestRam)),
    [`fork(${count}): of that the translator's code, MiB`]: mean(parts.map(({ codeCache }) => codeCache)),
    [`fork(${count}): disk of a child, KiB`]: mean(disks),
    [`fork(${count}): disk they share, KiB`]: mean(shared),
  };
}

/** Supervisor, bubblewrap and QEMU of a box. */
async function processesOf(homeDir, id) {
  const { parsePidRecord } = await builtPackage('supervisor');
  const { supervisor } = parsePidRecord(readFileSync(join(homeDir, 'boxes', id, 'shim.pid'), 'utf8'));
  return processTree(supervisor.pid).map(({ pid }) => pid);
}

/** A command that is asked for right after the capture has begun: it is answered when the parent goes on. */
async function whenParentAnswers(parent) {
  const begun = performance.now();
  await runTrue(parent);
  return performance.now() - begun;
}

async function allocatedKib(directory) {
  const names = await readdir(directory);
  return names.reduce((sum, name) => sum + lstatSync(join(directory, name)).blocks / 2, 0);
}

async function removeAll(children, remove) {
  for (const child of children) await remove(child);
}

async function runTrue(box) {
  const { exitCode } = await box.run('true');
  if (exitCode !== 0) throw new Error(`true ended with status ${exitCode}`);
}
