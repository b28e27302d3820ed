// Runs hostile programs under layers of the jail, as the user it is started as, and writes a report. Bundled by bundle.mjs.
//   node harness.mjs <file of the job, JSON>
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { openBoxJail } from './box-jail.js';
import { compose } from './compose.js';
import type { AttemptOfJob, EscapeJob, EscapeReport, LayerSet, Outcome } from './job.js';
import { judge } from './judge.js';
import { judgeLingering } from './judge-lingering.js';
import { type Ended, type LaunchOptions, launchBare, launchSupervised, leakingSupervisor } from './launch.js';
import { watchOutside } from './outside.js';
import { makeWorld } from './world.js';

const job: EscapeJob = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));

/** Layers that may end a process for what its first system call is: one attempt a process, and no fork to make them. */
const FILTERED: readonly LayerSet[] = ['seccomp', 'all'];

async function tryUnder(layers: LayerSet): Promise<{ outcomes: Outcome[]; told: readonly string[]; layers: string[] }> {
  const world = await makeWorld(job);
  const box = await openBoxJail(world, job);
  const told = {
    told: box.told,
    layers: (box.jail.layers ?? []).map(({ name, state, detail }) => `${name}: ${state}, ${detail}`),
  };
  const startedBy = layers === 'all' || layers === 'descriptors' ? 'supervisor' : 'harness';
  const { outside, leaks, close } = await watchOutside(world, job, startedBy);
  try {
    const supervisor = leakingSupervisor(job.programsDir, world, leaks);
    const parameters = [...world.parameters].map(([key, value]) => `${key}=${value}`);
    const launch = (words: readonly string[], options: LaunchOptions = {}): Promise<Ended> | undefined => {
      const command = {
        binary: world.program,
        args: [...(job.policy === 'libkrun' ? ['--running-filter'] : []), ...parameters, ...words],
        env: {},
      };
      const composed = compose(layers, box, command, job.programsDir);
      if (composed === undefined) return undefined;
      return composed.by === 'supervisor'
        ? launchSupervised(composed.command, world, supervisor, options)
        : launchBare(composed.command, world, leaks, options);
    };
    const here = job.attempts.filter(({ under }) => under === undefined || under.includes(layers));
    const attempts = here.filter(({ lingers }) => lingers !== true);
    const single = attempts.filter(({ alone }) => alone === true || FILTERED.includes(layers));
    const together = attempts.filter((each) => !single.includes(each));
    const groups: (readonly AttemptOfJob[])[] = [
      ...(together.length === 0 ? [] : [together]),
      ...single.map((each) => [each]),
    ];
    const outcomes: Outcome[] = [];
    for (const group of groups) {
      const names = group.map(({ name }) => name);
      const ended = await launch(group === together ? ['--fork', ...names] : names);
      if (ended === undefined) return { outcomes: [], ...told };
      for (const name of names) outcomes.push(await judge(layers, name, ended, outside));
    }
    for (const { name, starterDies = false } of here.filter(({ lingers }) => lingers === true)) {
      const word = `linger-word=${world.secret}`;
      const ended = await launch([name, word], { stopAt: '@ linger ready', starterDies });
      if (ended === undefined) return { outcomes, ...told };
      // What is done once a box has stopped, and what ends a group.
      if (layers === 'cgroup' || layers === 'all') await box.jail.release();
      outcomes.push(await judgeLingering(layers, name, word, ended));
      if (layers === 'cgroup' || layers === 'all') await box.jail.prepare();
    }
    return { outcomes, ...told };
  } finally {
    await close();
    await box.jail.release();
    await world.remove();
  }
}

const outcomes: Outcome[] = [];
const told = new Set<string>();
const active = new Set<string>();
for (const layers of job.layers) {
  const begin = Date.now();
  const tried = await tryUnder(layers);
  outcomes.push(...tried.outcomes);
  for (const sentence of tried.told) told.add(sentence);
  for (const layer of tried.layers) active.add(layer);
  process.stderr.write(`${layers}: ${tried.outcomes.length} attempts, ${Date.now() - begin} ms\n`);
}
const report: EscapeReport = {
  user: process.getuid?.() ?? -1,
  // Without what a distribution adds.
  kernel: release().split('-', 1)[0] ?? '',
  network: job.network,
  landlock: Number(execFileSync(join(job.programsDir, 'victim'), ['--landlock']).toString()),
  told: [...told],
  layers: [...active],
  outcomes,
};
process.stdout.write(JSON.stringify(report));
