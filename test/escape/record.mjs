#!/usr/bin/env node
// Makes all attempts in the environments named and writes a line of what became of them to standard output for each, for `scripts/escape-matrix.mjs --record <file>`.
//   sudo node test/escape/record.mjs root ordinary root-network ordinary-network > results.json
//   sudo node test/kvm-host/run.mjs -- 'BOXLITE_KVM_HOST=1 node test/escape/record.mjs kvm-root kvm-ordinary' > results.json
import { ATTEMPTS, ENVIRONMENTS, jobOf, LAYERS } from './environments.mjs';
import { prepareRun, runJob } from './run-job.mjs';

const LETTERS = { escaped: 'o', refused: 'h', impossible: 'i' };

const run = prepareRun();
try {
  for (const name of process.argv.slice(2)) {
    const environment = ENVIRONMENTS[name];
    if (environment === undefined) throw new Error(`${name} is none of ${Object.keys(ENVIRONMENTS).join(', ')}`);
    console.error(`${name}:`);
    const report = await runJob(run, jobOf(environment), (line) => console.error(`  ${line}`));
    // A line each: of a run that is cut off the environments before are kept.
    console.log(JSON.stringify({ [name]: compact(report) }));
  }
} finally {
  run.remove();
}
/** A letter for each layer: out, held, impossible here, - not made. */
function compact({ kernel, landlock, told, layers, outcomes }) {
  /** @type {Record<string, string>} */
  const attempts = {};
  for (const name of Object.keys(ATTEMPTS)) {
    const letters = LAYERS.map((set) => {
      const made = outcomes.find((each) => each.attempt === name && each.layers === set);
      return made === undefined ? '-' : LETTERS[made.verdict];
    });
    attempts[name] = letters.join('');
  }
  return { recorded: new Date().toISOString().slice(0, 10), kernel, landlock, told, layers, attempts };
}
