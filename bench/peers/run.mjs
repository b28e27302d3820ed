// Side by side with the peers: `node bench/peers/run.mjs [--rounds N] [--participant NAME[=MODULE]]… [--json FILE]`. Runs where KVM works; from a machine
// where it does not, `bench/peers/in-kvm-host.mjs` runs it in one where it does. See bench/README.md.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { currentLoad, describeMachine } from '../lib/machine.mjs';
import { withScratch } from '../lib/scratch.mjs';
import { compare, formatComparison } from './lib/comparison.mjs';
import { startParticipant } from './lib/participant-process.mjs';
import { DEFAULT_PARTICIPANTS, describeParticipant } from './lib/participants.mjs';
import { runRounds, runSeveral } from './lib/rounds.mjs';
import { serveImages } from './lib/serve-images.mjs';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    execs: { type: 'string', default: '20' },
    several: { type: 'string', default: '5' },
    'several-rounds': { type: 'string' },
    memory: { type: 'string', default: '256' },
    settle: { type: 'string', default: '1000' },
    participant: { type: 'string', multiple: true, default: DEFAULT_PARTICIPANTS },
    json: { type: 'string' },
    profile: { type: 'string' },
  },
});
const number = (name) => {
  const text = values[name];
  if (!/^\d{1,5}$/.test(text)) throw new Error(`--${name} ${text} is not a number`);
  return Number(text);
};

await withScratch(async (directory) => {
  const described = values.participant.map((choice) => describeParticipant(choice, directory));
  const registry = described.some(({ isPeer }) => isPeer) ? await serveImages(directory) : undefined;
  const running = [];
  try {
    for (const { measures, ...participant } of described) {
      progress(`${participant.name}: warming up`);
      const settings = {
        directory: join(directory, participant.name),
        ...(registry === undefined ? {} : { registry: registry.host }),
        memoryMib: number('memory'),
        ...participant.settings,
      };
      try {
        running.push({ ...(await startParticipant({ ...participant, settings, profile: values.profile })), measures });
      } catch (thrown) {
        // The others are compared all the same, and the status says that one is missing.
        progress(`${participant.name}: FAILED, is left out: ${thrown.message.split('\n', 1)[0]}`);
        process.exitCode = 1;
      }
    }
    if (running.length === 0) throw new Error('no participant is left');
    const machine = describeMachine();
    const samples = await measure(running);
    const ours = running.find(({ name }) => name.startsWith('ours'))?.name ?? running[0].name;
    const result = compare(samples, ours);
    const products = Object.fromEntries(running.map(({ name, about }) => [name, about]));
    const { date, kernel, cpu, cores, load } = machine;
    console.log(`${date}  Linux ${kernel}, ${cores} x ${cpu}, load ${load.join(' ')} to ${currentLoad().join(' ')}`);
    for (const [name, { product, node, remark }] of Object.entries(products))
      console.log(`  ${name}: ${product}, ${node}${remark === undefined ? '' : `; ${remark}`}`);
    console.log(`\n${formatComparison(result)}`);
    const { rounds } = values;
    const json = { machine, products, rounds: Number(rounds), memoryMib: number('memory'), ...result, samples };
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(json, null, 2)}\n`);
  } finally {
    for (const participant of running) await participant.close();
    await registry?.stop();
  }
});

async function measure(running) {
  const samples = await runRounds(running, {
    rounds: number('rounds'),
    execs: number('execs'),
    settleMs: number('settle'),
    memoryMib: number('memory'),
    onFigures,
  });
  const rounds = values['several-rounds'] === undefined ? number('rounds') : number('several-rounds');
  const together = await runSeveral(
    running.filter(({ measures }) => measures.includes('several')),
    {
      rounds,
      count: number('several'),
      onFigures,
    },
  );
  for (const [name, figures] of Object.entries(together)) samples[name] = { ...samples[name], ...figures };
  return samples;
}

/** So that a run that is cut short has told something. */
function onFigures(name, figures, failure) {
  progress(`${name}: ${failure === undefined ? brief(figures) : `FAILED: ${failure.message.split('\n', 1)[0]}`}`);
}

function brief(figures) {
  const shown = Object.entries(figures).map(
    ([figure, value]) => `${figure} ${[value].flat().map(Math.round).join(' ')}`,
  );
  return shown.join(', ');
}

function progress(line) {
  process.stderr.write(`[${(performance.now() / 1000).toFixed(0)} s] ${line}\n`);
}
