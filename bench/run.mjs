// Runs benches: `node bench/run.mjs [name…] [--runs N] [--json FILE]`. See README.md.
import { readdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { currentLoad, describeMachine } from './lib/machine.mjs';
import { formatTable } from './lib/report.mjs';

const available = readdirSync(new URL('.', import.meta.url))
  .filter((file) => file.endsWith('.mjs') && file !== 'run.mjs')
  .map((file) => file.slice(0, -'.mjs'.length))
  .sort();

const { values, positionals } = readArguments();
const machine = describeMachine();
const results = [];
for (const name of positionals.length === 0 ? available : positionals) {
  const { defaultRuns, run } = await import(new URL(`${name}.mjs`, import.meta.url).href);
  const runs = values.runs === undefined ? defaultRuns : Number(values.runs);
  process.stderr.write(`${name}: ${runs} runs\n`);
  const loadBefore = currentLoad();
  const result = await run({ runs, progress });
  results.push({ name, runs, ...result, loadBefore, loadAfter: currentLoad() });
}

const { date, kernel, cpu, cores, node, qemu, load } = machine;
console.log(`${date}  Linux ${kernel}, ${cores} x ${cpu}, node ${node}, ${qemu}, load ${load.join(' ')}\n`);
console.log(formatTable(results));
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);

/** A line that counts, for people only. */
function progress(done, all) {
  if (process.stderr.isTTY) process.stderr.write(`  ${done}/${all}${done === all ? '\n' : '\r'}`);
}

function readArguments() {
  const parsed = parseArgs({
    allowPositionals: true,
    options: { runs: { type: 'string' }, json: { type: 'string' } },
  });
  const unknown = parsed.positionals.find((name) => !available.includes(name));
  if (unknown !== undefined) fail(`there is no bench ${unknown}; there are ${available.join(', ')}`);
  const { runs } = parsed.values;
  if (runs !== undefined && !/^[1-9]\d{0,4}$/.test(runs)) fail(`--runs ${runs} is not a number of runs`);
  return parsed;
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
