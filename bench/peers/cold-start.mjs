// The first start of an image that is not there yet: `node bench/peers/cold-start.mjs [--rounds N] [--image NAME] [--participant NAME[=MODULE]]… [--json
// FILE]`. Runs where KVM works; from a machine where it does not, `bench/peers/in-kvm-host.mjs --cold-start` runs it in one where it does.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { alternate } from '../lib/alternate.mjs';
import { currentLoad, describeMachine } from '../lib/machine.mjs';
import { formatTable, report } from '../lib/report.mjs';
import { withScratch } from '../lib/scratch.mjs';
import { ratio, summarize } from '../lib/statistics.mjs';
import { startParticipant } from './lib/participant-process.mjs';
import { describeParticipant } from './lib/participants.mjs';
import { serveImages } from './lib/serve-images.mjs';

const PEERS = ['boxlite', 'microsandbox'];
/** Most that is allowed of ours, as a multiple of the better peer's median. */
const TARGET_RATIO = 0.6;
/** A slow host, a large image, and a product that tries three times. */
const ANSWER_TIMEOUT_MS = 1_200_000;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    image: { type: 'string', default: 'debian:large' },
    memory: { type: 'string', default: '512' },
    participant: { type: 'string', multiple: true, default: ['ours-libkrun', ...PEERS] },
    json: { type: 'string' },
  },
});
if (!/^[1-9]\d{0,3}$/.test(values.rounds)) throw new Error(`--rounds ${values.rounds} is not a number of rounds`);

await withScratch(async (directory) => {
  const machine = describeMachine();
  // Modules of somebody else bring what they need.
  const registry = values.participant.every((choice) => choice.includes('='))
    ? undefined
    : await serveImages(directory);
  const products = {};
  try {
    const variants = Object.fromEntries(
      values.participant.map((choice) => [
        choice.split('=', 1)[0],
        () => oneColdStart(choice, { directory, registry: registry?.host, products }),
      ]),
    );
    const samples = await alternate(variants, { runs: Number(values.rounds) });
    const result = judge(samples);
    const { date, kernel, cpu, cores, load } = machine;
    console.log(`${date}  Linux ${kernel}, ${cores} x ${cpu}, load ${load.join(' ')} to ${currentLoad().join(' ')}`);
    for (const [name, { product, node }] of Object.entries(products)) console.log(`  ${name}: ${product}, ${node}`);
    console.log(`\n${formatTable([{ name: `cold start of ${values.image}`, ...result }])}`);
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify({ machine, products, ...result }, null, 2)}\n`);
  } finally {
    await registry?.stop();
  }
});

/** A new process with a new home, whose own start does not count, from being asked for a box until that has run `true`. */
async function oneColdStart(choice, { directory, registry, products }) {
  const home = join(directory, 'participant');
  const { name, measures: _, ...described } = describeParticipant(choice, home);
  const settings = {
    directory: home,
    registry,
    memoryMib: Number(values.memory),
    image: values.image,
    cold: true,
    ...described.settings,
  };
  let participant;
  try {
    participant = await startParticipant({ ...described, name, settings, answerTimeoutMs: ANSWER_TIMEOUT_MS });
    products[name] = participant.about;
    const { milliseconds, stages } = await participant.ask('start');
    progress(`${name}: ${(milliseconds / 1000).toFixed(1)} s`);
    await participant.ask('stop');
    const parts = Object.entries(stages).map(([stage, value]) => [`${name}: stage ${stage}`, value / 1000]);
    return { [name]: milliseconds / 1000, ...Object.fromEntries(parts) };
  } catch (thrown) {
    // Told of and counted; the comparison goes on.
    progress(`${name}: FAILED: ${thrown.message.split('\n', 1)[0]}`);
    return { [`${name}: failures`]: 1 };
  } finally {
    await participant?.close();
    rmSync(home, { recursive: true, force: true });
  }
}

function judge(samples) {
  const medianOf = (name) => summarize(samples[name]).p50;
  const ours = Object.keys(samples).find((name) => name.startsWith('ours') && !name.includes(':'));
  const [better] = PEERS.filter((name) => samples[name] !== undefined).sort((a, b) => medianOf(a) - medianOf(b));
  const unitOf = (name) => (name.endsWith('failures') ? 'rounds' : 's');
  const series = Object.entries(samples).map(([name, values]) => ({ name, samples: values, unit: unitOf(name) }));
  if (ours === undefined || better === undefined) return report(series);
  const relation = ratio(summarize(samples[ours]), summarize(samples[better]));
  return report(series, [{ name: `${ours} / better peer (${better})`, unit: 'x', ...relation, target: TARGET_RATIO }]);
}

function progress(line) {
  process.stderr.write(`[${(performance.now() / 1000).toFixed(0)} s] ${line}\n`);
}
